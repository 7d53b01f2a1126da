#!/bin/sh
# Envoy with the demo's policy on 127.0.0.1:8080, in front of the vendors' sandbox (8081) and a sample upstream (8082),
# until it is stopped. `make build` comes first. ENVOY names a binary; without it the one of requirements.txt is put
# into the project's cache, with python3 and python3-venv.
set -eu
cd "$(dirname "$0")/../.."
listen=${LISTEN:-127.0.0.1:8080} vendors=${VENDORS:-127.0.0.1:8081} upstream=${UPSTREAM:-127.0.0.1:8082} admin=${ADMIN:-127.0.0.1:9901}
guest=${GUEST:-host/cmd/idvgate/wasm/idvgate-proxywasm.wasm} idvgate=${IDVGATE:-bin/idvgate}
envoy=${ENVOY:-$(go run ./tests/cached/envoy)}
work=$(mktemp -d)
pids=
stop() {
  trap - EXIT INT TERM
  # shellcheck disable=SC2086 # several numbers
  [ -z "$pids" ] || kill $pids 2>/dev/null || true
  wait
  rm -rf "$work"
}
trap stop EXIT INT TERM

sed "s|127.0.0.1:8081|$vendors|g" examples/policies/demo.env >"$work/demo.env"
"$idvgate" render envoy examples/policies/demo.yaml --env-file "$work/demo.env" --listen "$listen" --upstream "http://$upstream" \
  --admin "$admin" --wasm "$guest" --output "$work/envoy.yaml"
"$idvgate" sandbox --listen "$vendors" --upstream "$upstream" &
pids=$!
# The policy's variables and secrets come from Envoy's environment.
set -a
. "$work/demo.env"
set +a
# Audit lines are log lines of the component wasm. Envoy ends with the process that started it, so this one waits.
"$envoy" --config-path "$work/envoy.yaml" --use-dynamic-base-id --log-level warning --component-log-level wasm:info &
pids="$pids $!"
echo "Envoy loads the guest; then it listens on http://$listen, its admin interface on http://$admin"
wait $!
