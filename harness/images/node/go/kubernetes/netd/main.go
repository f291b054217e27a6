// Netd is the pod network of one node, as a systemd unit.
//
// kind's own network daemon is no Go module, so a node that is built without an
// image registry needs another. Netd watches Nodes with the kubelet's credentials
// and keeps, from what it sees,
//   - a CNI configuration (ptp and portmap) with this node's pod range,
//   - a route to the pod range of each other node,
//   - one masquerade rule for what pods send out of the cluster,
//   - one drop rule for service addresses that nothing serves yet.
//
// IPv4 only. kubeadm's configuration on the node names the two ranges.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/vishvananda/netlink"
	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	kubeadmConfig = "/kind/kubeadm.conf"
	kubeconfig    = "/etc/kubernetes/kubelet.conf"
	conflistDir   = "/etc/cni/net.d"
	// Marks our routes, so that stale ones are found; iproute2 leaves 192 and up free.
	routeProtocol = netlink.RouteProtocol(202)
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
	pods, services, err := clusterRanges()
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	if err := ensureRules(pods, services); err != nil {
		return err
	}
	// The controller manager gives the first node the first range, seconds after the
	// kubelet could already be ready: the control plane does not wait for it. Should
	// another range come, the configuration is written again before a pod has run.
	if _, err := os.Stat("/etc/kubernetes/pki/ca.key"); err == nil {
		if err := writeConflist(netip.PrefixFrom(pods.Addr(), 24)); err != nil {
			return err
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	nodes := informers.NewSharedInformerFactory(client, 0).Core().V1().Nodes()
	sync := func(any) {
		all := nodes.Informer().GetStore().List()
		if err := syncNodes(host, all); err != nil {
			log.Print(err) // the next event tries again
		}
	}
	_, err = nodes.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    sync,
		UpdateFunc: func(_, now any) { sync(now) },
		DeleteFunc: sync,
	})
	if err != nil {
		return err
	}
	nodes.Informer().Run(ctx.Done())
	return nil
}

// clusterRanges reads the pod and the service range from kubeadm's configuration.
func clusterRanges() (pods, services netip.Prefix, err error) {
	text, err := os.ReadFile(kubeadmConfig)
	if err != nil {
		return pods, services, err
	}
	if pods, err = ipv4Range(text, "podSubnet"); err != nil {
		return pods, services, err
	}
	services, err = ipv4Range(text, "serviceSubnet")
	return pods, services, err
}

func ipv4Range(text []byte, key string) (netip.Prefix, error) {
	found := regexp.MustCompile(`(?m)^\s*` + key + `:\s*"?([0-9.]+/[0-9]+)`).FindSubmatch(text)
	if found == nil {
		return netip.Prefix{}, fmt.Errorf("%s: no IPv4 range for %s", kubeadmConfig, key)
	}
	return netip.ParsePrefix(string(found[1]))
}

// syncNodes makes the CNI configuration and the routes agree with the nodes.
func syncNodes(host string, all []any) error {
	wanted := map[string]bool{}
	for _, item := range all {
		node := item.(*v1.Node)
		if node.Spec.PodCIDR == "" {
			continue
		}
		if node.Name == host {
			podRange, err := netip.ParsePrefix(node.Spec.PodCIDR)
			if err != nil {
				return err
			}
			if err := writeConflist(podRange); err != nil {
				return err
			}
			continue
		}
		_, podRange, err := net.ParseCIDR(node.Spec.PodCIDR)
		if err != nil {
			return err
		}
		gateway := internalIP(node)
		if gateway == nil {
			continue
		}
		wanted[podRange.String()] = true
		route := &netlink.Route{Dst: podRange, Gw: gateway, Protocol: routeProtocol}
		if err := netlink.RouteReplace(route); err != nil {
			return fmt.Errorf("route to %s by %s: %w", podRange, gateway, err)
		}
	}
	ours, err := netlink.RouteListFiltered(netlink.FAMILY_V4,
		&netlink.Route{Protocol: routeProtocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return err
	}
	for _, route := range ours {
		if !wanted[route.Dst.String()] {
			if err := netlink.RouteDel(&route); err != nil {
				return fmt.Errorf("remove the route to %s: %w", route.Dst, err)
			}
		}
	}
	return nil
}

func internalIP(node *v1.Node) net.IP {
	for _, address := range node.Status.Addresses {
		if ip := net.ParseIP(address.Address).To4(); ip != nil && address.Type == v1.NodeInternalIP {
			return ip
		}
	}
	return nil
}

// writeConflist writes the CNI configuration, unless it stands there already: each
// write makes containerd load it again.
func writeConflist(podRange netip.Prefix) error {
	uplink, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	text := fmt.Sprintf(`{
  "cniVersion": "0.4.0",
  "name": "sparkproof",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "mtu": %d,
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/cni-ipam-state",
        "routes": [{"dst": "0.0.0.0/0"}],
        "ranges": [[{"subnet": "%s"}]]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`, uplink.Attrs().MTU, podRange)
	target := filepath.Join(conflistDir, "10-sparkproof.conflist")
	if now, err := os.ReadFile(target); err == nil && string(now) == text {
		return nil
	}
	if err := os.MkdirAll(conflistDir, 0o755); err != nil {
		return err
	}
	temporary := target + ".tmp" // containerd reads .conf, .conflist and .json only
	if err := os.WriteFile(temporary, []byte(text), 0o644); err != nil {
		return err
	}
	log.Printf("pods of this node get addresses of %s", podRange)
	return os.Rename(temporary, target)
}

// ensureRules adds the two packet rules that hold for the whole life of the node.
func ensureRules(pods, services netip.Prefix) error {
	for _, rule := range [][]string{
		// Outside the cluster nobody knows pod addresses.
		{"nat", "POSTROUTING", "-s", pods.String(), "!", "-d", pods.String(),
			"-m", "addrtype", "!", "--dst-type", "LOCAL", "-j", "MASQUERADE"},
		// kube-proxy rewrites the address of a service that it serves before the packet
		// comes here. What still has one would leave by the default route, and conntrack
		// would send the retries the same way, even once kube-proxy's rules stand. Dropped,
		// the retry a second later finds them. Refused, clients back off for much longer
		// (CoreDNS) or end and are restarted (local-path-provisioner).
		{"filter", "FORWARD", "-d", services.String(), "-j", "DROP"},
	} {
		in := func(verb string) *exec.Cmd {
			return exec.Command("iptables", append([]string{"-w", "-t", rule[0], verb}, rule[1:]...)...)
		}
		if in("-C").Run() == nil {
			continue
		}
		if out, err := in("-A").CombinedOutput(); err != nil {
			return fmt.Errorf("iptables %v: %w: %s", rule, err, out)
		}
	}
	return nil
}
