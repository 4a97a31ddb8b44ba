// For Go's race detector, as sanitized.c for the C compilers' sanitizers: four goroutines that race for a counter, and with an argument of
// 100 an index behind the end of a slice.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
)

func main() {
	var group sync.WaitGroup
	counter := 0
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			for i := 0; i < 1000; i++ {
				counter++
			}
			group.Done()
		}()
	}
	group.Wait()
	fmt.Println(counter > 0)
	block := make([]byte, 100)
	index, _ := strconv.Atoi(os.Args[1])
	fmt.Println(block[index])
}
