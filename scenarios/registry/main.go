// A registry that lets in one user: registry ADDRESS DIRECTORY < NAME:PASSWORD
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	said, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	blobs := registry.WithBlobHandler(registry.NewDiskBlobHandler(os.Args[2]))
	images := registry.New(blobs)
	log.Fatal(http.ListenAndServe(os.Args[1], http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			name, password, _ := r.BasicAuth()
			if name+":"+password != strings.TrimSpace(string(said)) {
				w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
				http.Error(w, "no such user", http.StatusUnauthorized)
				return
			}
			images.ServeHTTP(w, r)
		})))
}
