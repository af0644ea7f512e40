// Package remote reaches the second level of a cache: an S3 bucket, or a folder that
// several machines share.
package remote

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/ouroflow/ouroflow/engine/cas"
)

// Open returns the remote at s3://BUCKET/PREFIX or file:///FOLDER. Nothing is sent
// or read yet.
func Open(address string) (cas.Remote, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("remote cache %q: %w", address, err)
	}
	switch {
	case u.Scheme == "file" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		return &Folder{dir: u.Path}, nil
	case u.Scheme == "s3" && u.Host != "":
		return openS3(u.Host, strings.Trim(u.Path, "/"))
	default:
		return nil, fmt.Errorf("remote cache %q: want s3://BUCKET/PREFIX or file:///FOLDER", address)
	}
}
