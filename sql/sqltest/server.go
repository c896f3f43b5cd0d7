package sqltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// keeper runs the server until descriptor 3 ends, which it does when the test process closes it or is killed;
// then it stops the server and removes the directory. $1 is the directory, the rest the server's command.
const keeper = `
directory=$1; shift
"$@" >>"$directory/log" 2>&1 3<&- & server=$!
{ cat <&3; kill -QUIT $server; } >/dev/null 2>&1 & watcher=$!
wait $server
kill $watcher 2>/dev/null
tail -n 1 "$directory/log" >&2
rm -rf "$directory"
`

const (
	startTries = 5
	startLimit = 60 * time.Second
)

// Server is a running PostgreSQL server in a temporary directory.
type Server struct {
	url       string
	directory string
	alive     io.Closer
	gone      chan struct{}
	lastWords bytes.Buffer
}

// LogFile is the file with everything the server logged. It goes when the server stops.
func (s *Server) LogFile() string { return filepath.Join(s.directory, "log") }

// Stop ends the server at once, without a last checkpoint, and removes its directory. Stopping twice does
// nothing.
func (s *Server) Stop() {
	_ = s.alive.Close()
	<-s.gone
}

// URL is the address of the server's database "postgres", by its superuser.
func (s *Server) URL() string { return s.url }

// ProcessID is the server's main process; the processes that serve connections are its children.
func (s *Server) ProcessID() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.directory, "data", "postmaster.pid"))
	if err != nil {
		return 0, fmt.Errorf("find the server's process: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

// Launch creates a cluster and starts it with the given settings on top of PostgreSQL's defaults, on another port
// where somebody was faster to take the first. It ends with Stop, or with this process however that ends. Tests
// use Start; this is for programs that measure.
func Launch(settings ...string) (*Server, error) {
	binaries, err := binaryFolder()
	if err != nil {
		return nil, err
	}
	owner, err := unprivileged()
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		server, err := start(binaries, owner, settings)
		if err == nil || try == startTries {
			return server, err
		}
	}
}

func start(binaries string, owner *syscall.Credential, settings []string) (*Server, error) {
	directory, err := os.MkdirTemp("", "citycard-postgres-")
	if err != nil {
		return nil, fmt.Errorf("make the server's directory: %w", err)
	}
	server, err := startIn(directory, binaries, owner, settings)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(directory))
	}
	return server, nil
}

func startIn(directory, binaries string, owner *syscall.Credential, settings []string) (*Server, error) {
	if owner != nil {
		if err := os.Chown(directory, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, fmt.Errorf("hand the server's directory over: %w", err)
		}
	}
	data := filepath.Join(directory, "data")
	initdb := exec.Command(filepath.Join(binaries, "initdb"), "--pgdata="+data, "--username=postgres",
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = directory, &syscall.SysProcAttr{Credential: owner}
	if output, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("create a database cluster: %w: %s", err, lastLine(output))
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	command := []string{
		"-c", keeper, "keeper", directory, filepath.Join(binaries, "postgres"), "-D", data, "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=300",
		"-c", "timezone=UTC", "-c", "log_timezone=UTC",
	}
	for _, setting := range settings {
		command = append(command, "-c", setting)
	}
	server := &Server{url: "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable", directory: directory}
	return server, server.run(command, owner)
}

func (s *Server) run(command []string, owner *syscall.Credential) error {
	end, alive, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make the pipe that keeps the server alive: %w", err)
	}
	defer end.Close()
	process := exec.Command("/bin/sh", command...)
	process.Dir, process.Stderr, process.ExtraFiles = s.directory, &s.lastWords, []*os.File{end}
	// Its own process group: an interrupt at the terminal reaches the tests, and the keeper cleans up after them.
	process.SysProcAttr = &syscall.SysProcAttr{Credential: owner, Setpgid: true}
	if err := process.Start(); err != nil {
		return errors.Join(fmt.Errorf("start the server: %w", err), alive.Close())
	}
	s.alive, s.gone = alive, make(chan struct{})
	go func() { _ = process.Wait(); close(s.gone) }()
	if err := s.await(); err != nil {
		s.Stop()
		return fmt.Errorf("%w: %s", err, lastLine(s.lastWords.Bytes()))
	}
	return nil
}

// await returns once the server answers.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		connection, err := pgx.Connect(ctx, s.url)
		if err == nil {
			return connection.Close(ctx)
		}
		select {
		case <-s.gone:
			return errors.New("the server ended while it started")
		case <-ctx.Done():
			return fmt.Errorf("wait for the server: %w", err)
		case <-retry.C:
		}
	}
}

// binaryFolder finds the server's programs: they are not on the path everywhere.
func binaryFolder() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	if output, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		if folder := strings.TrimSpace(string(output)); isFile(filepath.Join(folder, "initdb")) {
			return folder, nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("no PostgreSQL server programs (initdb, postgres) are installed")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged is the user to run the server as: nil means this one, for PostgreSQL refuses root only.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no credential is exec's own way to say "the current user"
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("read the ids of user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("there is no user postgres or nobody to run the server as")
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func lastLine(output []byte) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return lines[len(lines)-1]
}
