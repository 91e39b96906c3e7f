// Sigstore's timestamp authority on one address, without the metrics server that its own main opens on all of them.
package main

import (
	"flag"
	"log"
	"time"

	"github.com/sigstore/timestamp-authority/v2/pkg/server"
	"github.com/spf13/viper"
)

func main() {
	host := flag.String("host", "127.0.0.1", "address to listen on")
	port := flag.Int("port", 0, "port to listen on")
	key := flag.String("key", "", "PEM file of the key that signs")
	chain := flag.String("chain", "", "PEM file of its certificates, leaf first, root last")
	flag.Parse()
	for name, value := range map[string]any{
		"timestamp-signer":         "file",
		"timestamp-signer-hash":    "sha256",
		"file-signer-key-path":     *key,
		"certificate-chain-path":   *chain,
		"enforce-intermediate-eku": true,
		// The defaults of the original's command line.
		"default-policy-oid":    "1.3.6.1.4.1.57264.2",
		"accepted-policy-oids":  []string{"1.3.6.1.4.1.57264.2"},
		"max-request-body-size": 1 << 20,
	} {
		viper.Set(name, value)
	}
	authority := server.NewRestAPIServer(*host, *port, []string{"http"}, false, 10*time.Second, 10*time.Second)
	authority.CleanupTimeout = 3 * time.Second
	if err := authority.Serve(); err != nil {
		log.Fatal(err)
	}
}
