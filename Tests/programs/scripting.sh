# Interpreters: Lua, Ruby, PHP.
. "$E2E_BUBBLEWRAP_DIRECTORY/bubblewrap.sh"

claim "Lua: closures, coroutines, metatables, patterns, files, processes, errors"
same_as_bubblewrap scripting features.lua -- lua5.4 features.lua
equal "$status" 5 "lua's status"

claim "Lua: a program from standard input"
printf 'print(io.read("n") or "end", ...)\nfor line in io.lines() do print(line) end\n' >program
same_as_bubblewrap --stdin program scripting -- lua5.4 - a b
must_pass

claim "Ruby: hello"
same_as_bubblewrap scripting -- ruby -e 'puts "hello from #{RUBY_VERSION}"'
must_pass
also_says hello

claim "Ruby: require 'json'"
same_as_bubblewrap scripting -- ruby -e 'require "json"; puts JSON.pretty_generate(JSON.parse(%q({"a": [1, 2.5, {"b": null}]})))'
must_pass
also_says '"b": null'

claim "Ruby: blocks, threads, fibers, processes, signals, files, sockets"
same_as_bubblewrap --any-stderr scripting features.rb -- ruby features.rb
equal "$status" 6 "ruby's status"
also_says 'at exit'

claim "PHP: hello"
same_as_bubblewrap scripting -- php -r 'echo "hello from ", PHP_VERSION, "\n";'
must_pass
also_says hello

claim "PHP: closures, generators, fibers, exceptions, files, processes, streams"
printf 'first\nsecond\n' >lines
same_as_bubblewrap --stdin lines scripting features.php -- php features.php
equal "$status" 7 "php's status"
also_says shutdown
