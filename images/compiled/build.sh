# Runs in the build chroot: what is in /opt/source becomes programs in /opt/compiled.
set -eu
export HOME=/root GOCACHE=/root/cache GO111MODULE=off
mkdir -p /opt/compiled
cd /opt/source
CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /opt/compiled/goroutines goroutines.go                      # static, fixed addresses
CGO_ENABLED=0 go build -trimpath -buildmode=pie -ldflags=-s -o /opt/compiled/goroutines-pie goroutines.go
rustc -O -C strip=symbols -o /opt/compiled/threads threads.rs
rustc -O -C strip=symbols -C target-feature=+crt-static -o /opt/compiled/threads-static threads.rs
