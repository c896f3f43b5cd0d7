package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	binary        = "citycard"
	variantBinary = "variant.test"
	// asVariant is what makes the test binary of package server serve a variant of the service.
	asVariant = "TEST_BINARY_IS_VARIANT"
	// tick is the unit of processor time in /proc on Linux.
	tick = 10 * time.Millisecond
)

// build builds the service, and the test binary of its package, which holds the variants.
func (b *bench) build(ctx context.Context) error {
	sayf("building")
	for _, args := range [][]string{
		{"build", "-o", b.path(binary), "./server"},
		{"test", "-c", "-o", b.path(variantBinary), "./server"},
	} {
		command := exec.CommandContext(ctx, "go", args...)  //nolint:gosec // our own words
		command.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is delivered
		if printed, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, printed)
		}
	}
	return nil
}

func (b *bench) environment(database string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + b.folder, "HOME=" + b.folder,
		"CITYCARD_DATABASE_URL=" + database, "CITYCARD_KEYS_DIR=" + b.path("keys"),
		"CITYCARD_ADDR=127.0.0.1:0", "CITYCARD_ALIPAY_GATEWAY=http://127.0.0.1:9/gateway.do", "CITYCARD_LOG_FORMAT=json",
	}
}

// ended is a command that came to its end.
type ended struct {
	took time.Duration
	// peak is its largest resident memory in bytes.
	peak int64
}

// command runs a command of the program to its end.
func (b *bench) command(ctx context.Context, database string, args ...string) (ended, error) {
	var printed bytes.Buffer
	command := exec.CommandContext(ctx, b.path(binary), args...) //nolint:gosec // our own program
	command.Env, command.Stdout, command.Stderr = b.environment(database), &printed, &printed
	start := time.Now()
	if err := command.Start(); err != nil {
		return ended{}, fmt.Errorf("citycard %s: %w", strings.Join(args, " "), err)
	}
	over := make(chan error, 1)
	go func() { over <- command.Wait() }()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	// What the kernel tells of an ended child counts our own memory at its birth.
	var peak int64
	for {
		select {
		case err := <-over:
			if err != nil {
				return ended{}, fmt.Errorf("citycard %s: %w: %s", strings.Join(args, " "), err, printed.Bytes())
			}
			return ended{took: time.Since(start), peak: peak}, nil
		case <-ticker.C:
			if now, err := memory(command.Process.Pid, "VmHWM"); err == nil { // it may just have ended
				peak = now
			}
		}
	}
}

// process is a running service.
type process struct {
	command *exec.Cmd
	log     *os.File
	address string
	metrics string
	ready   time.Duration
}

// start starts the service, or a variant of it, and waits until it is ready.
func (b *bench) start(ctx context.Context, database, variant string) (*process, error) {
	p := &process{}
	var err error
	if p.metrics, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	if p.log, err = os.OpenFile(b.path("service.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); err != nil {
		return nil, err
	}
	p.command = exec.Command(b.path(binary), "serve") //nolint:gosec,noctx // our own program; it ends with stop
	p.command.Env = append(b.environment(database), "CITYCARD_METRICS_ADDR="+p.metrics)
	if variant != "" {
		p.command.Path = b.path(variantBinary)
		p.command.Env = append(p.command.Env, asVariant+"="+variant)
	}
	p.command.Stderr = p.log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	printed, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start the service: %w", err)
	}
	line, err := bufio.NewReader(printed).ReadString('\n')
	_, address, found := strings.Cut(strings.TrimSpace(line), "service is at ")
	if !found {
		p.stop()
		return nil, fmt.Errorf("the service did not start: %q: %w: %s", line, err, p.lastWords())
	}
	p.address = address
	if err := p.await(ctx); err != nil {
		p.stop()
		return nil, fmt.Errorf("%w: %s", err, p.lastWords())
	}
	p.ready = time.Since(began)
	return p, nil
}

// await returns once the service says that it is ready.
func (p *process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.address+"/readyz", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the service to be ready: %w", errors.Join(err, ctx.Err()))
		case <-time.After(time.Millisecond):
		}
	}
}

func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return ""
	}
	return string(text[max(0, len(text)-500):])
}

func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	_ = p.command.Wait()
	_ = p.log.Close()
}

func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// machineMemory is the machine's memory in bytes.
func machineMemory() (int64, error) { return kernelSize("/proc/meminfo", "MemTotal") }

// memory is what the kernel says of a process's resident memory, in bytes: VmRSS now, VmHWM at its peak.
func memory(process int, field string) (int64, error) {
	return kernelSize(fmt.Sprintf("/proc/%d/status", process), field)
}

// kernelSize reads a field that the kernel gives in kB, as bytes.
func kernelSize(file, field string) (int64, error) {
	text, err := os.ReadFile(file) //nolint:gosec // a file of the kernel
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, field+":"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, field)
}

// Fields of /proc/PID/stat behind the name: parent, and processor time of the process and of ended children.
const (
	statParent      = 1
	statTime        = 11
	statSystem      = 12
	statEndedTime   = 13
	statEndedSystem = 14
)

// usage is the processor time of a process so far; with children also that of its children, ended or not.
func usage(process int, children bool) (time.Duration, error) {
	own, err := stat(strconv.Itoa(process))
	if err != nil {
		return 0, err
	}
	ticks := own[statTime] + own[statSystem]
	if !children {
		return time.Duration(ticks) * tick, nil
	}
	ticks += own[statEndedTime] + own[statEndedSystem]
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		if other, err := stat(entry.Name()); err == nil && other[statParent] == int64(process) {
			ticks += other[statTime] + other[statSystem]
		}
	}
	return time.Duration(ticks) * tick, nil
}

func stat(process string) ([]int64, error) {
	text, err := os.ReadFile("/proc/" + process + "/stat") //nolint:gosec // a number
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	numbers := make([]int64, len(fields))
	for i, field := range fields {
		numbers[i], _ = strconv.ParseInt(field, 10, 64) // the state is a letter; it is not asked for
	}
	if len(numbers) <= statEndedSystem {
		return nil, fmt.Errorf("read /proc/%s/stat: it is too short", process)
	}
	return numbers, nil
}
