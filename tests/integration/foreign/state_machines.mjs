// Executes state machines of docs/examples: aws-local-stepfunctions interprets them, and this file
// is the Step Functions around it. Task tokens are those of `ringback local`.
import { randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
import { StateMachine } from 'aws-local-stepfunctions';

const examples = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../docs/examples');

export const readText = (file) => readFile(path.join(examples, file), 'utf8');
export const readExample = async (file) => JSON.parse(await readText(file));

// The paths of all state machines in docs/examples, sorted.
export const listExamples = async () =>
    (await readdir(examples, { recursive: true })).filter((name) => name.endsWith('.asl.json')).sort();

const patience = 150; // seconds until a task that has not ended is a test's failure

// What the context object holds where only the task itself knows the value: the interpreter puts it
// into the parameters, and the task's handler puts the value in its place.
const mark = { token: '\u{e000}Task.Token\u{e001}', state: '\u{e000}State.Name\u{e001}' };

class TaskFailure extends Error {
    constructor(name, cause) {
        super(cause);
        this.name = name;
    }
}

function replaced(value, texts) {
    const text = Object.entries(texts).reduce(
        (json, [from, to]) => json.replaceAll(from, JSON.stringify(to).slice(1, -1)), JSON.stringify(value));
    return JSON.parse(text);
}

const functionOf = (arn) => arn.split(':').at(-1);

// All task states, those of branches and iterators too, by name.
export function taskStates(machine) {
    const found = {};
    for (const [name, state] of Object.entries(machine.States)) {
        if (state.Type === 'Task') {
            found[name] = state;
        }
        const inner = [...(state.Branches ?? []), state.ItemProcessor, state.Iterator].filter(Boolean);
        Object.assign(found, ...inner.map(taskStates));
    }
    return found;
}

// One execution of a machine and what is seen of it.
export class Execution {
    constructor(name) {
        this.arn = `arn:aws:states:us-east-1:000000000000:execution:${name}:${randomUUID()}`;
        this.name = name;
        this.entered = []; // names of states, those of branches too
        this.outputs = []; // {state, output} of every state that was left
        this.replies = []; // {state, reply} of every call of a function
        this.nested = {}; // executions that this one has started, by name of the machine
    }

    passed(state) {
        return this.entered.includes(state);
    }

    // What the state was left with, the last time.
    left(state) {
        return this.outputs.findLast((left) => left.state === state)?.output;
    }

    // What the function answered in this state, each time.
    repliesOf(state) {
        return this.replies.filter((reply) => reply.state === state).map(({ reply }) => reply);
    }
}

export class StepFunctions {
    // functions: name of a Lambda function -> LambdaFunction; queues: name -> URL; machines: name -> file in
    // docs/examples.
    constructor({ standIn, functions, queues, machines }) {
        Object.assign(this, { standIn, functions, queues, machines });
        this.sqs = standIn.client(SQSClient, { maxAttempts: 3 });
        this.waiting = new Map(); // number of a task -> what waits for its end
    }

    close() {
        this.sqs.destroy();
    }

    // Runs the machine to its end; resolves to its Execution with status, and output or error and cause.
    async execute(name, input = {}) {
        const definition = await readExample(this.machines[name]);
        const execution = new Execution(name);
        const handlers = Object.entries(taskStates(definition)).map(([state, task]) =>
            [state, (parameters) => this.#task(execution, state, task, parameters)]);
        const run = new StateMachine(definition).run(input, {
            context: {
                Execution: { Id: execution.arn, Name: execution.arn.split(':').at(-1) },
                StateMachine: { Name: name },
                State: { Name: mark.state },
                Task: { Token: mark.token },
            },
            overrides: { taskResourceLocalHandlers: Object.fromEntries(handlers) },
        });
        const watched = this.#watch(execution, run.eventLogs);
        try {
            execution.output = await run.result;
            execution.status = 'SUCCEEDED';
        } catch (error) {
            execution.status = 'FAILED';
            execution.error = error.cause?.name ?? error.name;
            execution.cause = error.cause?.message ?? error.message;
        }
        await watched;
        return execution;
    }

    async #watch(execution, events) {
        for await (const event of events) {
            if (event.type === 'StateEntered') {
                execution.entered.push(event.state.name);
            } else if (event.type === 'StateExited') {
                execution.outputs.push({ state: event.state.name, output: event.state.output });
            }
        }
    }

    // What Step Functions does with a task state.
    async #task(execution, state, task, parameters) {
        const [, name] = task.Resource.match(/^arn:aws:lambda:[^:]*:\d*:function:(.+)$/) ?? [];
        const own = { [mark.state]: state };
        if (name) {
            return this.#invoke(execution, state, name, replaced(parameters, own));
        }
        switch (task.Resource) {
        case 'arn:aws:states:::lambda:invoke': {
            const { FunctionName, Payload } = replaced(parameters, own);
            return { StatusCode: 200, Payload: await this.#invoke(execution, state, functionOf(FunctionName), Payload) };
        }
        case 'arn:aws:states:::lambda:invoke.waitForTaskToken':
            return this.#waitForToken(task, (token) => {
                const { FunctionName, Payload } = replaced(parameters, { ...own, [mark.token]: token });
                return this.#invoke(execution, state, functionOf(FunctionName), Payload);
            });
        case 'arn:aws:states:::sqs:sendMessage.waitForTaskToken':
            return this.#waitForToken(task, (token) => {
                const { QueueUrl, MessageBody } = replaced(parameters, { ...own, [mark.token]: token });
                return this.sqs.send(new SendMessageCommand({
                    QueueUrl: this.queues[QueueUrl.split('/').at(-1)],
                    MessageBody: JSON.stringify(MessageBody),
                }));
            });
        case 'arn:aws:states:::states:startExecution.sync:2':
            return this.#start(execution, replaced(parameters, own));
        default:
            throw new Error(`nothing here is ${task.Resource}`);
        }
    }

    // A function's error becomes the task's, as Lambda reports it.
    async #invoke(execution, state, name, payload) {
        const { error, body } = await this.functions[name].invoke(payload);
        execution.replies.push({ state, reply: body });
        if (error) {
            throw new TaskFailure(body.errorType, JSON.stringify(body));
        }
        return body;
    }

    async #start(execution, { StateMachineArn, Input }) {
        const name = StateMachineArn.split(':').at(-1);
        const started = await this.execute(name, Input);
        execution.nested[name] = started;
        if (started.status !== 'SUCCEEDED') {
            throw new TaskFailure('States.TaskFailed', `${started.error}: ${started.cause}`);
        }
        return { ExecutionArn: started.arn, Status: started.status, Output: started.output };
    }

    async #waitForToken(task, send) {
        const { body: { n, taskToken } } = await this.standIn.control('POST', 'tasks',
            { heartbeatSeconds: task.HeartbeatSeconds, timeoutSeconds: task.TimeoutSeconds });
        try {
            await send(taskToken);
        } catch (error) {
            await this.standIn.control('DELETE', `tasks/${n}`);
            throw error;
        }
        const { state, output, error, cause } = await this.#end(n);
        if (state === 'SUCCEEDED') {
            return JSON.parse(output);
        }
        throw state === 'TIMED_OUT' ? new TaskFailure('States.Timeout', '') : new TaskFailure(error ?? state, cause ?? '');
    }

    // The task of this number once it has ended. One loop looks for all that wait.
    #end(n) {
        const { promise, resolve, reject } = Promise.withResolvers();
        this.waiting.set(n, { resolve, reject, deadline: Date.now() + patience * 1000 });
        if (this.waiting.size === 1) {
            this.#look().catch((error) => this.waiting.forEach((waiter) => waiter.reject(error)));
        }
        return promise;
    }

    async #look() {
        while (this.waiting.size > 0) {
            const { body: { tasks } } = await this.standIn.control('GET', 'tasks');
            for (const task of tasks.filter(({ n, state }) => state !== 'RUNNING' && this.waiting.has(n))) {
                this.waiting.get(task.n).resolve(task);
                this.waiting.delete(task.n);
            }
            for (const [n, waiter] of [...this.waiting].filter(([, { deadline }]) => Date.now() > deadline)) {
                waiter.reject(new TaskFailure('Test.Patience', `task ${n} has not ended in ${patience} s`));
                this.waiting.delete(n);
            }
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
    }
}
