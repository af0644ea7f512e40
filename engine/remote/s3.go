package remote

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 is a remote in a bucket of an S3 server. Where the server is and who asks comes
// from the usual places: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_REGION, the
// AWS_ACCESS_KEY_ID family, ~/.aws/credentials, or the machine's role.
type S3 struct {
	client *minio.Client
	bucket string
	prefix string
}

const amazon = "https://s3.amazonaws.com"

// A server that doesn't answer is given up after this many tries; its client waits
// longer before each.
const tries = 2

// A server is out of reach if it takes longer than this to accept a connection, or to
// begin its answer.
const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 10 * time.Second
)

func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	t.ResponseHeaderTimeout = answerTimeout
	t.DisableCompression = true
	return t
}

func openS3(bucket, prefix string) (*S3, error) {
	endpoint, err := url.Parse(firstSet(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), amazon))
	if err != nil || endpoint.Host == "" {
		return nil, fmt.Errorf("AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL: %q is no URL such as http://127.0.0.1:7070", endpoint)
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds: credentials.NewChainCredentials([]credentials.Provider{
			&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{},
		}),
		Secure:     endpoint.Scheme == "https",
		Region:     firstSet(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
		MaxRetries: tries,
		Transport:  transport(),
	})
	if err != nil {
		return nil, fmt.Errorf("remote cache s3://%s: %w", bucket, err)
	}
	return &S3{client: client, bucket: bucket, prefix: prefix}, nil
}

func firstSet(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// Name implements cas.Remote.
func (s *S3) Name() string { return "s3://" + path.Join(s.bucket, s.prefix) }

func (s *S3) key(name string) string {
	if s.prefix == "" {
		return name
	}
	return s.prefix + "/" + name
}

// Get implements cas.Remote.
func (s *S3) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	o, err := s.client.GetObject(ctx, s.bucket, s.key(name), minio.GetObjectOptions{})
	if err != nil {
		return nil, s.failure(err)
	}
	if _, err := o.Stat(); err != nil { // GetObject asks for nothing yet
		o.Close()
		return nil, s.failure(err)
	}
	return o, nil
}

// failure makes the absence of an object fs.ErrNotExist, which that of a bucket isn't.
func (s *S3) failure(err error) error {
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return fs.ErrNotExist
	}
	return err
}

// putTimeout bounds one upload, beside a time in proportion to its size.
const putTimeout = time.Minute

// Put implements cas.Remote. An object appears when all of it has arrived.
func (s *S3) Put(ctx context.Context, name string, content io.ReadSeeker, size int64) error {
	ctx, cancel := context.WithTimeout(ctx, putTimeout+time.Duration(size/(1<<20))*time.Second)
	defer cancel()
	_, err := s.client.PutObject(ctx, s.bucket, s.key(name), content, size, minio.PutObjectOptions{})
	return err
}

// List implements cas.Remote.
func (s *S3) List(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.key(prefix), Recursive: true}) {
		if o.Err != nil {
			return nil, o.Err
		}
		names = append(names, strings.TrimPrefix(o.Key, s.key("")))
	}
	return names, nil
}
