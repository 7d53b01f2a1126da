package play

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// A Daemon is a server of a Debian package, run for a test.
type Daemon struct {
	Port    int
	command func() *exec.Cmd
	running *exec.Cmd
}

// NewRedis is a redis-server that keeps nothing on disk.
func NewRedis() (*Daemon, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	d := &Daemon{Port: port, command: func() *exec.Cmd {
		return exec.Command("redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
	}}
	return d, d.Start()
}

// NewRealWebdis is a webdis with the configuration of examples/webdis, in front of redis.
func NewRealWebdis(root, dir string, redis *Daemon) (*Daemon, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "examples", "webdis", "webdis.json"))
	if err != nil {
		return nil, err
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		return nil, err
	}
	config["redis_port"], config["http_port"], config["logfile"] = redis.Port, port, filepath.Join(dir, "webdis.log")
	file := filepath.Join(dir, "webdis.json")
	if err := writeJSON(file, config); err != nil {
		return nil, err
	}
	d := &Daemon{Port: port, command: func() *exec.Cmd { return exec.Command("webdis", file) }}
	return d, d.Start()
}

// Start starts it, and waits until it listens.
func (d *Daemon) Start() error {
	cmd := d.command()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("play: %w: install the Debian package %s", err, cmd.Args[0])
	}
	d.running = cmd
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(d.Port)); err == nil {
			return c.Close()
		}
	}
	d.Kill()
	return fmt.Errorf("play: %s does not listen", cmd.Args[0])
}

// Kill ends it without a word.
func (d *Daemon) Kill() {
	if d.running != nil {
		_ = d.running.Process.Kill() // it may have ended
		_ = d.running.Wait()
		d.running = nil
	}
}
