// Package sandbox is a stand-in for the super-app and its open platform: the pages a person walks through on the
// phone, the consent and face pages, and the gateway with the methods citycard calls. It signs its replies with
// its own platform key, verifies requests as strictly as the platform does, gives the platform's own error
// bodies, and misbehaves on purpose when told to. It holds everything in memory. Its people are made up.
package sandbox
