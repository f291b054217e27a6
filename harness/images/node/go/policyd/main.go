// Policyd enforces NetworkPolicies on one node: kube-router's policy controller,
// without its routing and its service proxy, beside the pod network (netd).
//
// It is idle until the first NetworkPolicy: a cluster without any starts and runs
// as fast as before. IPv4 only, as netd.
package main

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"regexp"
	"sync"
	"syscall"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	kubeadmConfig = "/kind/kubeadm.conf"
	kubeconfig    = "/etc/kubernetes/kubelet.conf"
)

func main() {
	log.SetFlags(0) // the journal has its own time
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	services, err := serviceRange()
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	first := make(chan struct{})
	found := sync.OnceFunc(func() { close(first) })
	_, err = policies.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { found() },
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	select {
	case <-ctx.Done():
		return nil
	case <-first:
		return enforce(ctx, client, factory, services)
	}
}

// enforce keeps the packet rules of this node's pods as the policies say, until the end.
func enforce(
	ctx context.Context,
	client kubernetes.Interface,
	factory informers.SharedInformerFactory,
	services netip.Prefix,
) error {
	config := options.NewKubeRouterConfig()
	config.EnableIPv4 = true
	config.ClusterIPCIDRs = []string{services.String()}
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return err
	}
	// The controller accepts what its policies allow, ahead of the rules of kube-proxy and
	// netd. A packet that still has the address of a service here is one that nothing
	// serves: it is left to them.
	table := tables[v1.IPv4Protocol]
	const chain = "KUBE-ROUTER-FORWARD" // its name in kube-router
	exists, err := table.ChainExists("filter", chain)
	if err == nil && !exists {
		err = table.NewChain("filter", chain)
	}
	if err == nil {
		err = table.AppendUnique("filter", chain, "-d", services.String(), "-j", "RETURN")
	}
	if err != nil {
		return err
	}
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	controller, err := netpol.NewNetworkPolicyController(
		client, config, pods, policies, namespaces, &sync.Mutex{}, tables, sets)
	if err != nil {
		return err
	}
	for _, handled := range []struct {
		informer cache.SharedIndexInformer
		handler  cache.ResourceEventHandler
	}{
		{pods, controller.PodEventHandler},
		{namespaces, controller.NamespaceEventHandler},
		{policies, controller.NetworkPolicyEventHandler},
	} {
		if _, err := handled.informer.AddEventHandler(handled.handler); err != nil {
			return err
		}
	}
	// Its heartbeats are for a health check of kube-router that nobody asks here: systemd
	// starts a controller that ended again.
	beats := make(chan *healthcheck.ControllerHeartbeat)
	go func() {
		for range beats {
		}
	}()
	log.Print("enforcing NetworkPolicies")
	var done sync.WaitGroup
	done.Add(1)
	controller.Run(beats, ctx.Done(), &done)
	done.Wait()
	return nil
}

// serviceRange reads it from kubeadm's configuration.
func serviceRange() (netip.Prefix, error) {
	text, err := os.ReadFile(kubeadmConfig)
	if err != nil {
		return netip.Prefix{}, err
	}
	found := regexp.MustCompile(`(?m)^\s*serviceSubnet:\s*"?([0-9.]+/[0-9]+)`).FindSubmatch(text)
	if found == nil {
		return netip.Prefix{}, fmt.Errorf("%s: no IPv4 range for serviceSubnet", kubeadmConfig)
	}
	return netip.ParsePrefix(string(found[1]))
}
