#!/usr/bin/env bash
# The chat on two instances, with Redis between them, nginx in front, and a worker that tells the time, from Debian's packages:
#
#   apt-get install redis-server nginx-light
#   sample/cluster/run.sh            # http://localhost:8080; Ctrl+C ends all of it
#
# Kill an instance, or Redis, while two people talk: what dies is started again, and nothing that was said is missing.
#
# It installs and builds what is missing, or older than its sources.
#
# Ports may be chosen: PORT, REDIS_PORT, APP_1_PORT, APP_2_PORT.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PATH:/usr/sbin"
port=${PORT:-8080} redis_port=${REDIS_PORT:-6390} app_1_port=${APP_1_PORT:-3001} app_2_port=${APP_2_PORT:-3002}

for program in redis-server nginx; do
  command -v "$program" >/dev/null || {
    echo "$program is not installed: apt-get install redis-server nginx-light" >&2
    exit 1
  }
done
[[ -d node_modules ]] || npm ci
main=dist/sample/cluster/main.js
if [[ ! -f $main || -n $(find lib sample package-lock.json -newer $main -print -quit) ]]; then
  npm run build
  npm run build:samples
fi

folder=$(mktemp -d)
finish() {
  trap - EXIT INT TERM
  # shellcheck disable=SC2046
  kill $(jobs -p) 2>/dev/null || true
  wait
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 0' INT TERM

listens() {
  until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
    kill -0 "$2" 2>/dev/null || exit 1
    sleep 0.05
  done
}

# Runs a program, and starts it again when it dies; not one that dies at once.
keep() {
  trap 'kill "$child" 2>/dev/null; wait "$child"; exit 0' TERM
  while started=$SECONDS; do
    "$@" &
    child=$!
    wait "$child" || true
    ((SECONDS - started >= 2)) || exit 1
  done
}

# What is acknowledged is on the disk.
keep redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly yes --appendfsync always \
  --dir "$folder" >"$folder/redis.log" &
listens "$redis_port" $!

export REDIS_URL="redis://127.0.0.1:$redis_port"
INSTANCE=1 PORT=$app_1_port keep node dist/sample/cluster/main.js &
app_1=$!
INSTANCE=2 PORT=$app_2_port keep node dist/sample/cluster/main.js &
app_2=$!
keep node dist/sample/cluster/worker.js &
listens "$app_1_port" "$app_1"
listens "$app_2_port" "$app_2"

temporary="access_log off; client_body_temp_path $folder; proxy_temp_path $folder; fastcgi_temp_path $folder; uwsgi_temp_path $folder; scgi_temp_path $folder;"
sed -e "s/app-1:3001/127.0.0.1:$app_1_port/" -e "s/app-2:3002/127.0.0.1:$app_2_port/" \
  -e "s/listen 8080/listen $port/" -e "s|^http {|http { $temporary|" \
  sample/cluster/nginx.conf >"$folder/nginx.conf"
nginx -p "$folder" -c "$folder/nginx.conf" -g "daemon off; pid $folder/nginx.pid; error_log $folder/nginx.log;" &
listens "$port" $!

echo "Open http://localhost:$port in two browser windows"
wait
