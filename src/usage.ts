/** What `dmthin --help` says. The words after it become values in `command-line.ts`. */
import { DEFAULT_CONFIGURATION } from "./config/paths.ts";

export const USAGE = `usage: dmthin COMMAND

  all [--config FILE]        one machine: everything on one CSI socket
  node [--config FILE]       a node of a cluster: its pools, volumes and mounts
  controller [--config FILE] the router of a cluster: the same calls, passed on to the node that has the volume
  guard --socket PATH [--state-directory DIRECTORY] [--ends-alone]
                             resumes what a dead driver left suspended
  check-config [--controller] [FILE]
                             prints every problem of a configuration, of a driver or of a controller
  doctor [--config FILE] [--root DIRECTORY] [-o json]
                             looks at kernel, tools, host filters, leftovers; exit 0: nothing failed, 1: something did
  status                     what a running driver has to say: its pools, and what is wrong with them
  watch [--every SECONDS]    the same again and again, printed when it is another
  pool list | pool show NAME
  volume list | volume show ID
  snapshot list | snapshot show ID
                             the same in detail, from the running driver; volumes and snapshots with --measure: also what
                             belongs to each alone, which deleting it gives back
      all of these: [-o json] [--config FILE] [--state-directory DIRECTORY]
      exit 0: answered, 2: no driver answers, 3: there is no such object, 4: a pool needs attention
  orphans [--cluster] [-o json] [--config FILE] [--state-directory DIRECTORY]
                             what of dmthin's lies on this node and belongs to no record; changes nothing. exit 0: nothing,
                             2: no driver answers, or it cannot be said of all, 4: something does
  orphans --cluster --clean [ID… [--apply]] [-o json] [--config FILE] [--state-directory DIRECTORY]
                             asked of a controller: which volumes and snapshots that nothing in the cluster has can be deleted, and
                             why others cannot; --apply deletes those that are named. exit 0: all of them, 2: not answered, or not
                             known of all, 4: some are refused
  pool plan NAME [--config FILE] [-o json]
                             what the driver would do to a pool's devices at its start; exit 0: that, 1: it would refuse, 2: cannot be said
  pool grow NAME [--dry-run] [--release-reserve] [--config FILE] [--state-directory DIRECTORY] [-o json]
                             has the running driver take up what new room there is; --release-reserve: also what is held
                             back. exit 0: done, or nothing to do, 2: no driver answers, or the pool is not open,
                             3: there is no such pool, 4: something asked for was not done
  pool adopt [UUID [--as NAME]] [--config FILE] [-o json]
                             lists the pools on the disks of this machine, also those of other machines; with UUID: what to
                             configure to have one here; --as gives it another name. exit 0: that, 1: refused, 2: cannot be
                             said, 3: there is no such pool
  pool rehome UUID --to NODE [--apply] [--kubeconfig FILE] [--context NAME] [-n NAMESPACE] [-o json]
                             for a pool whose disks are in another node now: what its PersistentVolumes need to be used there;
                             --apply does it, and ends what was cut short. exit 0: that, 1: refused, 2: cannot be said, or not
                             all was done, 3: there is no such PersistentVolume, 4: some were left as they are
  pool check NAME [--config FILE]
                             whether a pool's thin metadata is sound; exit 0: it is, 1: it is not, 2: cannot be said
  pool repair NAME [--config FILE] [--work-directory DIRECTORY] [--accept-loss] [--accept-older] [--overwrite-spare]
                             mends it; no volume of the pool may be in use, and no driver may have the pool open
  --version, --help

FILE is ${DEFAULT_CONFIGURATION} unless given. NODE_NAME and CSI_ENDPOINT are used where the file does not say.
`;
