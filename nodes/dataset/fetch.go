package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/ouroflow/ouroflow/engine/node"
)

// maxDownload bounds what a URL may answer.
const maxDownload = 1 << 30

func isURL(p node.Path) bool {
	return strings.HasPrefix(string(p), "https://") || strings.HasPrefix(string(p), "http://")
}

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// open returns the content of the file or URL.
func open(ctx context.Context, p Params) (io.ReadCloser, error) {
	if isURL(p.Path) {
		b, err := download(ctx, p)
		return io.NopCloser(bytes.NewReader(b)), err
	}
	f, err := os.Open(string(p.Path))
	if err != nil {
		return nil, fmt.Errorf("reading problems: %w", err)
	}
	return f, nil
}

// fileSum is the SHA-256 of the file, checked if the pipeline has one.
func fileSum(p Params) (string, error) {
	f, err := os.Open(string(p.Path))
	if err != nil {
		return "", fmt.Errorf("reading problems: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading problems: %w", err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	return sum, checkSum(p, sum)
}

func checkSum(p Params, got string) error {
	if p.SHA256 != "" && !strings.EqualFold(got, p.SHA256) {
		return fmt.Errorf("%s has SHA-256 %s, but the pipeline expects %s", p.Path, got, p.SHA256)
	}
	return nil
}

func download(ctx context.Context, p Params) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, string(p.Path), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, &node.Fault{Err: err}
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests {
		return nil, node.Faultf("%s answers %s", p.Path, resp.Status)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", p.Path, resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxDownload+1))
	if err != nil {
		return nil, &node.Fault{Err: err}
	}
	if len(b) > maxDownload {
		return nil, fmt.Errorf("%s is larger than %d bytes", p.Path, maxDownload)
	}
	return b, checkSum(p, sha(b))
}
