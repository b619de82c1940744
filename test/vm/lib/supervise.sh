# Runs a program in its own process and mount namespaces, so that nothing of it outlives this process:
# its mounts are private, and the kernel kills all of the namespace when its parent dies, however that happens.
# shellcheck shell=bash disable=SC2154

# supervise PROGRAM ARGUMENT...: returns its exit code, or 124 after $limit seconds (0: no limit). A signal ends both.
supervise() {
  local processes watchdog='' first code=0 saved_tty=''
  [[ ! -t 0 ]] || saved_tty=$(stty -g)
  trap 'abandon 143' TERM
  trap 'abandon 130' INT
  trap 'abandon 129' HUP
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child "$@" <&0 &
  processes=("$!")
  if ((limit)); then
    setpriv --pdeathsig KILL sleep "$limit" </dev/null >/dev/null 2>&1 &
    watchdog=$!
    processes+=("$watchdog")
  fi
  wait -n -p first "${processes[@]}" || code=$?
  if [[ $first == "$watchdog" ]]; then
    printf 'vm: killed after %s s\n' "$limit" >&2
    code=124
  fi
  end_supervised
  return "$code"
}

abandon() {
  trap '' TERM INT HUP
  end_supervised
  after_abandon
  exit "$1"
}

end_supervised() {
  # Quietly: bash would report what it kills.
  kill -KILL "${processes[@]}" 2>/dev/null || true
  wait "${processes[@]}" 2>/dev/null || true
  [[ -z $saved_tty ]] || stty "$saved_tty"
  trap - TERM INT HUP
}
