#!/usr/bin/env bash
# Installs the servers that the tests start, on Debian, as root: bash packages/servers/bin/install.sh
# What is built, not installed, lies in packages/servers/.bin afterwards; what is there already is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
built=$PWD/.bin
# Builds outlive the working copy here, since a clean clone has none of them.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kit-servers
mkdir -p "$built" "$cache"

packages=(
  etcd-server
  zookeeper
  nats-server
  postgresql
  rabbitmq-server
  redis-server
  bind9
  bind9-dnsutils
  chromium
  dnsmasq-base
  graphite-carbon
  influxdb
  rsyslog
  rsyslog-gnutls
  openssl
  maven
  openjdk-17-jdk-headless
  pcp
  util-linux
)

# A daemon that apt starts would hold the port that its own clients expect.
keep_daemons_down() {
  [ -e /usr/sbin/policy-rc.d ] && return
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod +x /usr/sbin/policy-rc.d
}

from_debian() {
  local missing=() package
  for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  keep_daemons_down
  # pcp's package asks nobody: it starts its own with systemctl, and cannot be installed where that does not run.
  local deaf
  deaf=$(mktemp -d)
  ln -s /bin/true "$deaf/systemctl"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Path="$deaf:/usr/sbin:/usr/bin:/sbin:/bin" \
    install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  rm -r "$deaf"
}

# cached NAME KEY BUILD...: runs BUILD with the path to write to, unless the cache has what an earlier run made of the same KEY.
cached() {
  local name=$1 made
  made=$cache/$(sha256sum <<<"$2" | cut -c1-16)-$name
  if [ ! -e "$made" ]; then
    echo "building $name"
    "${@:3}" "$made.new"
    mv "$made.new" "$made"
  fi
  ln -sf "$made" "$built/$name"
}

build_consul() {
  (cd tools/consul && go build -trimpath -ldflags='-s -w' -o "$1" github.com/hashicorp/consul)
}

# Nothing here needs its discovery of every cloud there is, most of what there would be to build.
build_prometheus() {
  (cd tools/prometheus && go build -trimpath -ldflags='-s -w' -tags remove_all_sd -o "$1" "github.com/prometheus/prometheus/cmd/$program")
}

build_eureka() {
  local work
  work=$(mktemp -d)
  cp -r eureka/. "$work"
  (cd "$work" && mvn --batch-mode --quiet package)
  mv "$work/target/eureka-server.jar" "$1"
  rm -r "$work"
}

# build_go MODULE@VERSION: its only program.
build_go() {
  local work
  work=$(mktemp -d)
  GOBIN=$work go install -trimpath -ldflags='-s -w' "$1"
  mv "$work"/* "$2"
  rm -r "$work"
}

# The slim one: spans in memory, over HTTP.
zipkin=io.zipkin:zipkin-server:3.5.1:jar:slim

fetch_zipkin() {
  local work
  work=$(mktemp -d)
  mvn --batch-mode --quiet dependency:copy -Dartifact=$zipkin -DoutputDirectory="$work"
  mv "$work"/*.jar "$1"
  rm -r "$work"
}

from_debian
cached consul "$(cat tools/consul/go.mod)" build_consul
cached eureka-server.jar "$(cat eureka/pom.xml eureka/src/main/java/kit/EurekaServer.java)" build_eureka
statsd_exporter=github.com/prometheus/statsd_exporter@v0.28.0
cached statsd_exporter "$statsd_exporter" build_go "$statsd_exporter"
victoria_metrics=github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics@v1.151.0
cached victoria-metrics "$victoria_metrics" build_go "$victoria_metrics"
cached zipkin-server.jar "$zipkin" fetch_zipkin
for program in prometheus promtool; do
  cached "$program" "$(cat tools/prometheus/go.mod)" build_prometheus
done
