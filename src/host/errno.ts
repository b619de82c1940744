/** From a tool's words back to the kernel's errno. The words are those of LC_ALL=C. */

const BY_STRERROR: readonly (readonly [string, string])[] = [
  ["Device or resource busy", "EBUSY"],
  ["Resource busy", "EBUSY"],
  ["File exists", "EEXIST"],
  ["No data available", "ENODATA"],
  ["No such device or address", "ENXIO"],
  ["No such device", "ENODEV"],
  ["No such file or directory", "ENOENT"],
  ["No space left on device", "ENOSPC"],
  ["Invalid argument", "EINVAL"],
  ["Operation not supported", "EOPNOTSUPP"],
  ["Operation not permitted", "EPERM"],
  ["Permission denied", "EACCES"],
  ["Input/output error", "EIO"],
  ["I/O error", "EIO"],
  ["Block device required", "ENOTBLK"],
  ["Interrupted system call", "EINTR"],
  ["Resource temporarily unavailable", "EAGAIN"],
  ["Cannot allocate memory", "ENOMEM"],
  ["Out of memory", "ENOMEM"],
  ["Read-only file system", "EROFS"],
  ["Inappropriate ioctl for device", "ENOTTY"],
  ["Numerical result out of range", "ERANGE"],
  ["Structure needs cleaning", "EUCLEAN"],
  ["Invalid or incomplete multibyte or wide character", "EILSEQ"],
  ["Value too large for defined data type", "EOVERFLOW"],
  ["Too many open files", "EMFILE"],
  ["target is busy", "EBUSY"],
  ["not mounted", "EINVAL"],
];

const MISSING_DM_DEVICE = /^Device (?:\S+ )?(?:does not exist|not found)\b/m;
const REASON = /(?:^|: *)([^:\n]+)$/gm;

/**
 * The errno named by a tool's standard error: a line, or what follows its last colon, begins with a known reason, as in
 * dmsetup's `device-mapper: message ioctl on NAME failed: File exists`. A named dm device that is missing is ENXIO: dmsetup
 * says so without asking the kernel. Undefined where no line ends with a known reason.
 */
export function errnoFrom(stderr: string): string | undefined {
  for (const [, reason = ""] of stderr.matchAll(REASON)) {
    const words = reason.trim();
    const known = BY_STRERROR.find(([strerror]) => words.startsWith(strerror));
    if (known !== undefined) return known[1];
  }
  return MISSING_DM_DEVICE.test(stderr) ? "ENXIO" : undefined;
}
