// What the Kubernetes manifests must be, by judges that are not ours: the API's own schemas
// (kubernetes-models, @kubernetes-models/keda) for values, TypeScript on their types for fields that do
// not exist, and the program for its settings. Prints one line per case.
//   node kubernetes.mjs FOLDER RINGBACK
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { parseAllDocuments } from 'yaml';

const [folder, ringback] = process.argv.slice(2);
const tests = join(dirname(fileURLToPath(import.meta.url)), '..');
const batchSeconds = 115;
let failed = false;

// Runs the case; what it throws is why it has failed.
function check(name, body) {
  try {
    body();
    console.log(`ok ${name}`);
  } catch (error) {
    failed = true;
    console.log(`not ok ${name}: ${String(error.message ?? error).split('\n')[0]}`);
  }
}

function assert(holds, why) {
  if (!holds) throw new Error(why);
}

// ---- Documents ---------------------------------------------------------------------------------

// Each: {file, value}. A key that stands twice is an error of the parser's.
function documentsOf(file) {
  return parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => {
    assert(document.errors.length === 0, `${file}: ${document.errors[0]?.message}`);
    return { file, value: document.toJS() };
  });
}

const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
const kustomization = documentsOf('kustomization.yaml')[0].value;
const documents = files.filter((file) => file !== 'kustomization.yaml').flatMap(documentsOf);
const all = (kind) => documents.map(({ value }) => value).filter((value) => value.kind === kind);
const one = (kind) => all(kind)[0];
const deployments = all('Deployment');
const pods = deployments.map(({ spec }) => spec.template);

// ---- Schemas -----------------------------------------------------------------------------------

function moduleOf({ apiVersion, kind }) {
  const owner = apiVersion.startsWith('keda.sh/') ? '@kubernetes-models/keda' : 'kubernetes-models';
  return `${owner}/${apiVersion}/${kind}`;
}

async function validate(value) {
  const model = await import(moduleOf(value));
  new model[value.kind](structuredClone(value)).validate();
}

// What TypeScript says about the values as literals of their types: it knows every field there is.
function typeProblems(values) {
  const source = join(tests, 'manifests.ts');
  const text = values
    .map((value, n) => `import { I${value.kind} as T${n} } from '${moduleOf(value)}';\nexport const v${n}: T${n} = ${JSON.stringify(value)};\n`)
    .join('');
  const options = { noEmit: true, strict: true, skipLibCheck: true, types: [],
    module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile;
  host.getSourceFile = (name, ...rest) =>
    name === source ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : read(name, ...rest);
  const program = ts.createProgram([source], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

const verdicts = await Promise.allSettled(documents.map(({ value }) => validate(value)));
documents.forEach(({ file, value }, n) =>
  check(`${file}: ${value.kind} ${value.metadata.name} fits its schema`, () => {
    if (verdicts[n].status === 'rejected') throw verdicts[n].reason;
  }));
check('no field is unknown to the API', () => {
  const problems = typeProblems(documents.map(({ value }) => value));
  assert(problems.length === 0, problems.join('; '));
});
const typo = structuredClone(deployments[0]);
typo.spec.template.spec.containers[0].redinessProbe = {};
check('a field that does not exist would be seen', () =>
  assert(typeProblems([typo]).some((problem) => problem.includes('redinessProbe')), 'it was not'));
const wrong = structuredClone(deployments[0]);
wrong.spec.replicas = 'two';
const seen = await validate(wrong).then(() => false, () => true);
check('a value of another type would be seen', () => assert(seen, 'it was not'));

// ---- Parts that fit each other -----------------------------------------------------------------

const matches = (selector, pod) =>
  Object.entries(selector).every(([name, value]) => pod.metadata.labels[name] === value);

check('every selector has its pods', () => {
  for (const { spec } of deployments) assert(matches(spec.selector.matchLabels, spec.template), 'a Deployment');
  for (const { spec, metadata } of all('PodDisruptionBudget')) {
    assert(pods.filter((pod) => matches(spec.selector.matchLabels, pod)).length === 1, metadata.name);
  }
  assert(pods.filter((pod) => matches(one('Service').spec.selector, pod)).length === 1, 'the Service');
  assert(pods.every((pod) => matches(one('NetworkPolicy').spec.podSelector.matchLabels, pod)), 'the NetworkPolicy');
});
check('what scales and binds names what is there', () => {
  const names = deployments.map(({ metadata }) => metadata.name);
  for (const { spec } of all('ScaledObject')) assert(names.includes(spec.scaleTargetRef.name), spec.scaleTargetRef.name);
  for (const { spec } of pods) {
    assert(spec.serviceAccountName === one('ServiceAccount').metadata.name, 'the ServiceAccount');
    assert(spec.volumes[0].secret.secretName === one('Secret').metadata.name, 'the Secret');
    assert(spec.containers[0].envFrom[0].configMapRef.name === one('ConfigMap').metadata.name, 'the ConfigMap');
  }
});
check('ports are those that the settings name', () => {
  const { RINGBACK_HTTP_LISTEN: http, RINGBACK_ADMIN_LISTEN: admin } = one('ConfigMap').data;
  for (const { spec } of pods) {
    for (const { name, containerPort } of spec.containers[0].ports) {
      assert({ http, admin }[name]?.endsWith(`:${containerPort}`), name);
    }
  }
});
check('no namespace is named', () => assert(documents.every(({ value }) => !value.metadata.namespace), 'one is'));
check('the kustomization has all but the examples', () =>
  assert([...kustomization.resources, 'kustomization.yaml', 'keda.yaml', 'secret.example.yaml'].sort().join() ===
    files.sort().join(), 'it has not'));
check('the Secret is an example', () =>
  assert(Object.values(one('Secret').stringData).every((value) => value.startsWith('REPLACE')), 'it is not'));

// ---- Pods --------------------------------------------------------------------------------------

for (const { spec, metadata } of pods) {
  const name = metadata.labels['app.kubernetes.io/component'];
  const [container] = spec.containers;
  check(`${name}: is restricted, as Pod Security has it`, () => {
    assert(spec.securityContext.runAsNonRoot && spec.securityContext.seccompProfile.type === 'RuntimeDefault', 'the pod');
    assert(container.securityContext.allowPrivilegeEscalation === false, 'privileges');
    assert(container.securityContext.capabilities.drop.join() === 'ALL', 'capabilities');
    assert(container.securityContext.readOnlyRootFilesystem, 'the file system');
  });
  check(`${name}: has the time that a batch takes to end`, () =>
    assert(spec.terminationGracePeriodSeconds > batchSeconds + (container.lifecycle?.preStop.sleep.seconds ?? 0), 'too little'));
  check(`${name}: gets no variables of Services`, () => assert(spec.enableServiceLinks === false, 'it does'));
  check(`${name}: is probed where the program answers`, () =>
    assert(container.livenessProbe.httpGet.path === '/healthz' && container.readinessProbe.httpGet.path === '/readyz', 'elsewhere'));
  check(`${name}: is a command`, () =>
    assert(spawnSync(ringback, ['help', container.args[0]]).status === 0, container.args[0]));
}

// ---- Settings ----------------------------------------------------------------------------------

// The program reads them as a pod would, but for the folder of the Secret.
check('the program takes the settings', () => {
  const secrets = mkdtempSync(join(tmpdir(), 'ringback-secret-'));
  try {
    writeFileSync(join(secrets, 'key'), `first:${Buffer.alloc(32, 7).toString('base64')}\n`);
    writeFileSync(join(secrets, 'http-token'), 'a-token-of-many-letters-0123456789\n');
    const { mountPath } = pods[0].spec.containers[0].volumeMounts[0];
    const env = Object.fromEntries(Object.entries(one('ConfigMap').data)
      .map(([name, value]) => [name, value.replace(`${mountPath}/`, `${secrets}/`)]));
    env.AWS_ENDPOINT_URL = 'http://127.0.0.1:1'; // nobody is asked
    env.AWS_MAX_ATTEMPTS = '1';
    env.AWS_EC2_METADATA_DISABLED = 'true';
    const { stdout, stderr } = spawnSync(ringback, ['doctor'], { env, encoding: 'utf8' });
    assert(/^ok +configuration/m.test(stdout), `${stdout}${stderr}`);
  } finally {
    rmSync(secrets, { recursive: true });
  }
});
process.exitCode = failed ? 1 : 0;
