# Runs the command on this machine's own kernel, in a private mount namespace, with a scratch directory and loop disks.
# shellcheck shell=bash disable=SC2154

run_host() { die 'not yet'; }
