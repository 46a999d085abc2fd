// Package libvirt maps the Terraform provider for libvirt to the names of the Pulumi package "libvirt" 0.4.8.
//
// It knows which Terraform resource answers to which Pulumi token. It refuses to know what the resources do:
// that is the Terraform provider's, and carrying it over is the bridge's.
package libvirt

import (
	"unicode"

	terraform "github.com/dmacvicar/terraform-provider-libvirt/libvirt"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// Name is that of the published package.
const Name = "libvirt"

// Version is set when linking: the number of the published package, whose SDK asks for exactly it.
var Version string

const longestName = 255

// Provider describes the bridged provider.
func Provider() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:           shim.NewProvider(terraform.Provider()),
		Name:        Name,
		Version:     Version,
		Description: "A Pulumi package for creating and managing libvirt cloud resources.",
		License:     "Apache-2.0",
		GitHubOrg:   "dmacvicar",
		Config: map[string]*tfbridge.SchemaInfo{
			"uri": {Default: &tfbridge.DefaultInfo{EnvVars: []string{"LIBVIRT_DEFAULT_URI"}}},
		},
		Resources: map[string]*tfbridge.ResourceInfo{
			"libvirt_cloudinit_disk": resource("CloudInitDisk"),
			"libvirt_domain":         resource("Domain"),
			"libvirt_ignition":       resource("Ignition"),
			"libvirt_network":        resource("Network"),
			"libvirt_pool":           resource("Pool"),
			"libvirt_volume":         resource("Volume"),
		},
		DataSources: map[string]*tfbridge.DataSourceInfo{
			"libvirt_network_dns_host_template":        function("getNetworkDnsHostTemplate"),
			"libvirt_network_dns_srv_template":         function("getNetworkDnsSrvTemplate"),
			"libvirt_network_dnsmasq_options_template": function("getNetworkDnsmasqOptionsTemplate"),
		},
	}
	info.SetAutonaming(longestName, "-")
	return info
}

func resource(member string) *tfbridge.ResourceInfo {
	return &tfbridge.ResourceInfo{Tok: tokens.Type(token(member)), Docs: noDocs()}
}

func function(member string) *tfbridge.DataSourceInfo {
	return &tfbridge.DataSourceInfo{Tok: tokens.ModuleMember(token(member)), Docs: noDocs()}
}

func token(member string) string {
	file := string(unicode.ToLower(rune(member[0]))) + member[1:]
	return Name + ":index/" + file + ":" + member
}

// The words of the published documentation are not ours to copy, and nothing reads them at run time.
func noDocs() *tfbridge.DocInfo {
	return &tfbridge.DocInfo{Markdown: []byte(" ")}
}
