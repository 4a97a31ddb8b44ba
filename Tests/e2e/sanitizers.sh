# Programs built with a sanitizer, which maps terabytes at addresses that it insists on: they say in a job what they say on this host.
# `race` is Go's, the others the C compilers'.

for sanitizer in address thread undefined memory race; do
  for argument in 0 100; do
    claim "a program built with the sanitizer $sanitizer ends as on this host, with the same findings (argument $argument)"
    needs python
    [ -z "${E2E_LAB:-}" ] || skip "the host that they are compared with is outside"
    [ -e "$E2E_FIXTURES/sanitized-$sanitizer" ] || skip "the compilers here have no sanitizer $sanitizer"
    if active; then
      ASAN_OPTIONS=detect_leaks=0 "$E2E_FIXTURES/sanitized-$sanitizer" $argument >wanted 2>findings </dev/null
      wanted=$?
      finding=$(grep -oE '(ERROR|WARNING): (Address|Thread|Memory)Sanitizer: [a-z -]*|WARNING: DATA RACE|runtime error: .*' findings | head -n 1)
    fi
    # There is something to find, or this shows nothing; but not for AddressSanitizer in a block's first byte.
    [ $sanitizer$argument = address0 ] || equal "${finding:+found}" found "what the sanitizer says of it on this host"
    run "$swiftlet" run --image python -m 1G --timeout 100s -e ASAN_OPTIONS=detect_leaks=0 --in "$E2E_FIXTURES/sanitized-$sanitizer:/job/sanitized" -- ./sanitized $argument
    status_is "${wanted:-}"
    stdout_equals wanted
    [ -z "${finding:-}" ] || stderr_says "$finding"
  done
done
