// 1,000 goroutines that pass numbers on, garbage collections among them, and timers.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

func pipeline(count int) int {
	first := make(chan int)
	in := first
	for i := 0; i < count; i++ {
		out := make(chan int)
		go func(in, out chan int) {
			for n := range in {
				out <- n + 1
			}
			close(out)
		}(in, out)
		in = out
	}
	go func() {
		for n := 0; n < 10; n++ {
			first <- n
		}
		close(first)
	}()
	sum := 0
	for n := range in {
		sum += n
	}
	return sum
}

type node struct{ left, right *node }

func tree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{tree(depth - 1), tree(depth - 1)}
}

func (n *node) count() int {
	if n.left == nil {
		return 1
	}
	return 1 + n.left.count() + n.right.count()
}

func main() {
	fmt.Println("pipeline", pipeline(1000))

	var group sync.WaitGroup
	var lock sync.Mutex
	total := 0
	for i := 0; i < 1000; i++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			if n%100 == 0 {
				time.Sleep(time.Duration(n/100) * time.Millisecond)
			}
			lock.Lock()
			total += n
			lock.Unlock()
		}(i)
	}
	group.Wait()
	fmt.Println("total", total)

	nodes := 0
	for i := 0; i < 20; i++ {
		nodes += tree(14).count()
		runtime.GC()
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	fmt.Println("nodes", nodes, "collected", memory.NumGC >= 20)

	// A loop without calls: only a signal (SIGURG) can take it off its thread.
	stop := false
	runtime.GOMAXPROCS(1)
	go func() { time.Sleep(5 * time.Millisecond); stop = true }()
	spins := 0
	for start := time.Now(); !stop && time.Since(start) < 10*time.Second; {
		for i := 0; i < 50_000_000; i++ {
			spins += i & 1
		}
	}
	fmt.Println("preempted", stop, spins > 0)

	ticker := time.NewTicker(2 * time.Millisecond)
	ticks := 0
	deadline := time.After(100 * time.Millisecond)
	for done := false; !done; {
		select {
		case <-ticker.C:
			ticks++
		case <-deadline:
			done = true
		}
	}
	fmt.Println("ticked", ticks > 5)

	defer func() { fmt.Println("recovered", recover()) }()
	var nothing *node
	fmt.Println(nothing.left)
}
