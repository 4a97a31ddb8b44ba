# Compilers, and programs with big run-time systems of their own: each as a job and under bubblewrap, over the same image.
. "$E2E_BUBBLEWRAP_DIRECTORY/bubblewrap.sh"

claim "g++ compiles a C++ program of 1,000 lines with threads and exceptions, and it runs"
same_as_bubblewrap --memory 1G gcc big-cpp.sh -- \
  sh -c 'sh big-cpp.sh >big.cpp && test $(wc -l <big.cpp) -gt 1000 && g++ -std=c++17 -O1 -pthread big.cpp -o big && ./big'
must_pass
also_says 'caught carried across threads'

claim "make -j4 builds a small C project, and again only what was changed"
same_as_bubblewrap --memory 1G gcc make-project.sh -- sh make-project.sh
must_pass
also_says 'sum 144'

claim "gcc says what is wrong with a program, with status 1"
same_as_bubblewrap gcc -- sh -c 'echo "int main(void) { return missing; }" >a.c; gcc a.c'
equal "$status" 1 "gcc's status"

claim "Node.js: hello"
same_as_bubblewrap node -- node -e 'console.log("hello", process.version, [1, 2, 3].map((n) => n ** 2))'
must_pass

claim "Node.js: worker_threads, shared memory, an exception in a worker"
same_as_bubblewrap --memory 512M node workers.js -- node workers.js
must_pass
also_says 'counted 4000'

claim "Node.js: files, timers, child processes, streams, compression, hashes, collections, a signal"
same_as_bubblewrap --memory 512M node node-features.js -- node node-features.js
equal "$status" 7 "node's status"

claim "Go, static and at fixed addresses: 1,000 goroutines, collections, timers, preemption by signal, a nil dereference"
same_as_bubblewrap --memory 512M compiled -- /opt/goroutines
must_pass
also_says 'preempted true true'

claim "Go, position-independent: the same"
same_as_bubblewrap --memory 512M compiled -- /opt/goroutines-pie
must_pass

claim "Rust: threads, channels, locks, panics caught, a child process"
same_as_bubblewrap compiled -- /opt/threads
must_pass

claim "Rust, static: the same"
same_as_bubblewrap compiled -- /opt/threads-static
must_pass

claim "OpenJDK 17: hello"
same_as_bubblewrap --memory 1G java -- java -cp /opt/java Hello
must_pass

claim "OpenJDK 17: a ForkJoin sum on four threads, garbage collections, a null pointer and a stack overflow caught"
same_as_bubblewrap --memory 1G java -- java -cp /opt/java ForkJoinSum
must_pass
also_says 'caught StackOverflowError'

claim "SQLite: 1,000,000 inserts with a write-ahead log, an index, integrity check, checkpoint"
same_as_bubblewrap --memory 1G --stdin "$programs/fixtures/million.sql" compiled -- sqlite3 million.db
must_pass
also_says '1000000|499500000'

claim "numpy and pandas: a matrix product's digits, inverses, a transform, groups, CSV, dates"
slow host   # its image
same_as_bubblewrap --memory 512M numpy matrix.py -- python3 matrix.py
must_pass

claim "Node.js: an HTTP server and fifty clients over loopback, in one job"
same_as_bubblewrap --memory 512M node http.js -- node http.js
must_pass
also_says 'answers 50'
