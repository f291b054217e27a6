// Etcd, as its own main package starts it, for the clusters of kind and of Minikube.
//
// Minikube (1.36 and before) starts every etcd with --proxy-refresh-interval, a flag
// of the proxy for clients of version 2. Etcd 3.6 has neither, and ends at once.
package main

import (
	"os"
	"slices"
	"strings"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(slices.DeleteFunc(os.Args, func(argument string) bool {
		return strings.HasPrefix(argument, "--proxy-refresh-interval")
	}))
}
