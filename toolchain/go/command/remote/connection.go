// Package remote runs commands and copies files over ssh.
//
// This file knows how a machine is reached: credentials, host key, proxy, and how often it is tried.
// It refuses to know what is done there.
package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

const (
	defaultUser           = "root"
	defaultPort           = 22
	defaultDialErrorLimit = 10
	defaultPerDialTimeout = 15

	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	pauseGrowth  = 1.5
)

type endpoint struct {
	User               *string  `pulumi:"user,optional"`
	Password           *string  `pulumi:"password,optional"`
	Host               string   `pulumi:"host"`
	Port               *float64 `pulumi:"port,optional"`
	PrivateKey         *string  `pulumi:"privateKey,optional"`
	PrivateKeyPassword *string  `pulumi:"privateKeyPassword,optional"`
	AgentSocketPath    *string  `pulumi:"agentSocketPath,optional"`
	DialErrorLimit     *int     `pulumi:"dialErrorLimit,optional"`
	PerDialTimeout     *int     `pulumi:"perDialTimeout,optional"`
	HostKey            *string  `pulumi:"hostKey,optional"`
}

// ProxyConnection says how to reach a bastion host.
type ProxyConnection struct {
	endpoint
}

// Annotate declares the defaults.
func (p *ProxyConnection) Annotate(a infer.Annotator) {
	a.Describe(&p, "How to reach a machine through a bastion host.")
	a.SetDefault(&p.User, defaultUser)
	a.SetDefault(&p.Port, defaultPort)
	a.SetDefault(&p.DialErrorLimit, defaultDialErrorLimit)
	a.SetDefault(&p.PerDialTimeout, defaultPerDialTimeout)
}

// Connection says how to reach a machine.
type Connection struct {
	endpoint
	Proxy *ProxyConnection `pulumi:"proxy,optional"`
}

// Annotate declares the defaults.
func (c *Connection) Annotate(a infer.Annotator) {
	a.Describe(&c, "How to reach a machine.")
	a.SetDefault(&c.User, defaultUser)
	a.SetDefault(&c.Port, defaultPort)
	a.SetDefault(&c.DialErrorLimit, defaultDialErrorLimit)
	a.SetDefault(&c.PerDialTimeout, defaultPerDialTimeout)
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// do connects, through the proxy if there is one, and disconnects when the work is done or the context ends.
func (c *Connection) do(ctx context.Context, work func(*ssh.Client) error) error {
	if c.Proxy == nil {
		return c.endpoint.do(ctx, "Dial", (&net.Dialer{}).DialContext, work)
	}
	return c.Proxy.do(ctx, "Dial proxy", (&net.Dialer{}).DialContext, func(proxy *ssh.Client) error {
		return c.endpoint.do(ctx, "Dial from proxy", proxy.DialContext, work)
	})
}

func (e *endpoint) do(ctx context.Context, label string, dial dialer, work func(*ssh.Client) error) error {
	credentials, disconnectAgent, err := e.credentials()
	if err != nil {
		return err
	}
	defer disconnectAgent()
	checkHostKey, algorithms, err := e.hostKeyCheck()
	if err != nil {
		return err
	}
	config := &ssh.ClientConfig{
		User: *e.User, Auth: credentials, HostKeyCallback: checkHostKey, HostKeyAlgorithms: algorithms,
	}

	client, err := e.connect(ctx, label, dial, config)
	if err != nil {
		return err
	}
	defer client.Close()
	stop := context.AfterFunc(ctx, func() { client.Close() })
	defer stop()
	return errors.Join(work(client), ctx.Err())
}

// connect tries until it succeeds or has failed more often than the limit allows. Every kind of error counts as
// one that may pass: a machine that boots refuses connections, then keys, and may show another host key at first.
func (e *endpoint) connect(
	ctx context.Context, label string, dial dialer, config *ssh.ClientConfig,
) (*ssh.Client, error) {
	limit, limitText := *e.DialErrorLimit, strconv.Itoa(*e.DialErrorLimit)
	if limit < 0 {
		limitText = "inf"
	}
	pause := firstPause
	for failures := 1; ; failures++ {
		client, err := e.connectOnce(ctx, dial, config)
		if err == nil {
			return client, nil
		}
		if limit >= 0 && failures > limit {
			return nil, fmt.Errorf("%s: %s@%s: after %d failed attempts: %w", label, *e.User, e.address(), failures, err)
		}
		provider.GetLogger(ctx).InfoStatusf("%s %d/%s failed: retrying", label, failures, limitText)
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
		pause = min(time.Duration(float64(pause)*pauseGrowth), longestPause)
	}
}

func (e *endpoint) connectOnce(ctx context.Context, dial dialer, config *ssh.ClientConfig) (*ssh.Client, error) {
	if *e.PerDialTimeout > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(*e.PerDialTimeout)*time.Second)
		defer cancel()
		ctx = limited
	}
	connection, err := dial(ctx, "tcp", e.address())
	if err != nil {
		return nil, err
	}
	// The handshake knows no context; closing what it reads from ends it.
	stop := context.AfterFunc(ctx, func() { connection.Close() })
	secured, channels, requests, err := ssh.NewClientConn(connection, e.address(), config)
	if !stop() {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		return nil, errors.Join(err, ignoreClosed(connection.Close()))
	}
	return ssh.NewClient(secured, channels, requests), nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (e *endpoint) address() string {
	return net.JoinHostPort(e.Host, strconv.Itoa(int(*e.Port)))
}

func (e *endpoint) credentials() (methods []ssh.AuthMethod, disconnectAgent func(), err error) {
	if e.PrivateKey != nil {
		signer, err := e.signer()
		if err != nil {
			return nil, nil, fmt.Errorf("the private key for %s: %w", e.address(), err)
		}
		methods = append(methods, ssh.PublicKeys(signer))
	}
	if e.Password != nil {
		methods = append(methods, ssh.Password(*e.Password), ssh.KeyboardInteractive(e.answerWithPassword))
	}
	socket := os.Getenv("SSH_AUTH_SOCK")
	if e.AgentSocketPath != nil {
		socket = *e.AgentSocketPath
	}
	if socket == "" {
		return methods, func() {}, nil
	}
	connection, err := net.Dial("unix", socket)
	if err != nil {
		return nil, nil, fmt.Errorf("the ssh agent at %s: %w", socket, err)
	}
	methods = append(methods, ssh.PublicKeysCallback(agent.NewClient(connection).Signers))
	return methods, func() { connection.Close() }, nil
}

func (e *endpoint) signer() (ssh.Signer, error) {
	if e.PrivateKeyPassword != nil {
		return ssh.ParsePrivateKeyWithPassphrase([]byte(*e.PrivateKey), []byte(*e.PrivateKeyPassword))
	}
	return ssh.ParsePrivateKey([]byte(*e.PrivateKey))
}

func (e *endpoint) answerWithPassword(_, _ string, questions []string, _ []bool) ([]string, error) {
	answers := make([]string, len(questions))
	for i := range answers {
		answers[i] = *e.Password
	}
	return answers, nil
}

// hostKeyCheck answers what the machine has to show, and how: a machine that has keys of several kinds shows the one that
// is asked for first.
func (e *endpoint) hostKeyCheck() (ssh.HostKeyCallback, []string, error) {
	if e.HostKey == nil {
		return ssh.InsecureIgnoreHostKey(), nil, nil
	}
	expected, _, _, _, err := ssh.ParseAuthorizedKey([]byte(*e.HostKey))
	if err != nil {
		return nil, nil, fmt.Errorf("the host key expected of %s: %w", e.address(), err)
	}
	algorithms := []string{expected.Type()}
	if expected.Type() == ssh.KeyAlgoRSA {
		algorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	check := ssh.FixedHostKey(expected)
	return func(host string, address net.Addr, offered ssh.PublicKey) error {
		if err := check(host, address, offered); err != nil {
			return fmt.Errorf("%w: %s offers %s %s, expected %s %s", err, host,
				offered.Type(), ssh.FingerprintSHA256(offered), expected.Type(), ssh.FingerprintSHA256(expected))
		}
		return nil
	}, algorithms, nil
}
