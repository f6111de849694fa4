package apptest

import "sync"

// Together calls do n times at the same moment, with 0 to n-1.
func Together(n int, do func(i int)) {
	var ready, done sync.WaitGroup
	gun := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-gun
			do(i)
		})
	}
	ready.Wait()
	close(gun)
	done.Wait()
}
