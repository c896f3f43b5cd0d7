package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"citycard/integrations/keyfile"
	"citycard/integrations/signing"
)

// refuseInProduction holds what a service for real people must not start with, as far as the settings tell.
// Every reason is given at once.
func (c *config) refuseInProduction() error {
	if !c.production() {
		return nil
	}
	var reasons []string
	refuse := func(when bool, variable, reason string) {
		if when {
			reasons = append(reasons, variablePrefix+variable+" "+reason)
		}
	}
	refuse(c.given.SandboxAddr != "", "SANDBOX_ADDR", "is set, but there is no stand-in super-app in production")
	refuse(c.given.Now != "", "NOW", "is set, but production runs on the system's clock")
	refuse(c.publicURL == nil, "PUBLIC_URL", "is missing")
	refuse(c.publicURL != nil && c.publicURL.Scheme != https, "PUBLIC_URL", "must begin with https://")
	refuse(c.adminURL != nil && c.adminURL.Scheme != https, "ADMIN_URL", "must begin with https://")
	refuse(c.OIDCIssuer != "" && !strings.HasPrefix(c.OIDCIssuer, "https://"), "OIDC_ISSUER", "must begin with https://")
	refuse(c.gateway == nil, "ALIPAY_GATEWAY", "is missing")
	refuse(c.gateway != nil && c.gateway.Scheme != https, "ALIPAY_GATEWAY", "must begin with https://")
	refuse(c.given.AppID == "" || c.given.AppID == standInAppID, "ALIPAY_APP_ID", "is missing or that of the stand-in super-app")
	refuse(c.given.PrivateKey == "", "ALIPAY_PRIVATE_KEY_FILE", "is missing")
	refuse(c.given.PolicyFile == "", "POLICY_FILE", "is missing; the built-in policies are examples")
	refuse(c.given.KeysDir == "", "KEYS_DIR", "is missing")
	refuse(c.given.Database == "", "DATABASE_URL", "is missing")
	if len(reasons) > 0 {
		return usage("not in production: %s", strings.Join(reasons, "; "))
	}
	return c.refuseFiles()
}

// refuseFiles looks at the files that the settings name: others must not be able to read a secret, and SQLite's
// locks do not hold on network file systems.
func (c *config) refuseFiles() error {
	for variable, path := range map[string]string{
		"ALIPAY_PRIVATE_KEY_FILE": c.PrivateKey, "DATABASE_URL_FILE": c.DatabaseFile, "OIDC_CLIENT_SECRET_FILE": c.OIDCSecretFile,
	} {
		if path == "" {
			continue
		}
		if err := refuseReadable(path); err != nil {
			return usage("not in production: %s%s: %w", variablePrefix, variable, err)
		}
	}
	if file := c.sqliteFile(); file != "" {
		if err := refuseNetwork(filepath.Dir(file), fileSystem); err != nil {
			return usage("not in production: CITYCARD_DATABASE_URL: %w", err)
		}
	}
	return nil
}

// readableByOthers are the permissions a secret file must not have.
const readableByOthers fs.FileMode = 0o027

func refuseReadable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&readableByOthers != 0 {
		return fmt.Errorf("%s can be read by others (mode %#o): run chmod 600 %s", path, mode, path)
	}
	return nil
}

// networkFileSystems are the statfs(2) types of file systems shared over a network or by a host with its guests.
var networkFileSystems = map[int64]string{
	0x6969:     "NFS",
	0x517B:     "SMB",
	0xFE534D42: "SMB2",
	0xFF534D42: "CIFS",
	0x65735546: "FUSE",
	0x00C36400: "Ceph",
	0x5346414F: "AFS",
	0x01021997: "9P",
	0x0BD00BD0: "Lustre",
	0x7461636F: "OCFS2",
	0x01161970: "GFS2",
	0x786F4256: "VirtualBox shared folder",
}

// refuseNetwork refuses a folder on a network file system. A folder that is not there yet counts as its parent.
func refuseNetwork(folder string, kindOf func(string) (int64, error)) error {
	for {
		kind, err := kindOf(folder)
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(folder) != folder {
			folder = filepath.Dir(folder)
			continue
		}
		if err != nil {
			return fmt.Errorf("ask for the file system of %s: %w", folder, err)
		}
		if name, network := networkFileSystems[kind]; network {
			return fmt.Errorf("%s lies on a network file system (%s), where SQLite loses data; use a local disk or PostgreSQL", folder, name)
		}
		return nil
	}
}

func fileSystem(path string) (int64, error) {
	var facts unix.Statfs_t
	err := unix.Statfs(path, &facts)
	return facts.Type & 0xFFFFFFFF, err
}

// refuseTestKeys refuses any key whose private half is published.
func (c *config) refuseTestKeys(ring *keyfile.Ring, platform platformKeys) error {
	if !c.production() {
		return nil
	}
	own, err := signingKeys(ring)
	if err != nil {
		return err
	}
	for _, key := range own {
		if signing.IsTestKey(key.private.Public()) {
			return usage("not in production: CITYCARD_KEYS_DIR: key %s is a published test key", key.id)
		}
	}
	for variable, file := range map[string][]byte{
		"ALIPAY_PRIVATE_KEY_FILE": platform.private, "ALIPAY_PUBLIC_KEY_FILE": platform.public,
		"ALIPAY_APP_CERT_FILE": platform.certificates.App, "ALIPAY_PLATFORM_CERT_FILE": platform.certificates.Platform,
	} {
		if isTestKey(file) {
			return usage("not in production: %s%s holds a published test key", variablePrefix, variable)
		}
	}
	return nil
}
