# Programs built with a sanitizer, which maps terabytes at addresses that it insists on: they say in a job what they say on this host.

for sanitizer in address thread undefined; do
  for argument in 0 100; do
    claim "a program built with -fsanitize=$sanitizer ends as on this host, with the same findings (argument $argument)"
    needs python
    [ -z "${E2E_LAB:-}" ] || skip "the host that they are compared with is outside"
    [ -e "$E2E_FIXTURES/sanitized-$sanitizer" ] || skip "the C compiler here has no -fsanitize=$sanitizer"
    if active; then
      ASAN_OPTIONS=detect_leaks=0 "$E2E_FIXTURES/sanitized-$sanitizer" $argument >wanted 2>findings </dev/null
      wanted=$?
      finding=$(grep -oE 'ERROR: AddressSanitizer: [a-z-]*|WARNING: ThreadSanitizer: [a-z ]*|runtime error: .*' findings | head -n 1)
    fi
    run "$swiftlet" run --image python -m 1G --timeout 100s -e ASAN_OPTIONS=detect_leaks=0 --in "$E2E_FIXTURES/sanitized-$sanitizer:/job/sanitized" -- ./sanitized $argument
    status_is "${wanted:-}"
    stdout_equals wanted
    [ -z "${finding:-}" ] || stderr_says "$finding"
  done
done
