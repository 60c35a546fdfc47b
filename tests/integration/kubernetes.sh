#!/usr/bin/env bash
# The Kubernetes manifests: tests/integration/kubernetes.mjs says by what they are judged.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
: "${BUILD_DIR:?}"
if [[ ! -d tests/node_modules/kubernetes-models ]]; then
    echo 'not ok kubernetes: npm ci in tests/ has not been run'
    exit 1
fi
exec tests/node_modules/node/bin/node tests/integration/kubernetes.mjs infra/deploy/kubernetes "$BUILD_DIR/ringback"
