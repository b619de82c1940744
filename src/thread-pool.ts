/**
 * Imported first by main.ts, before anything uses libuv's threads: their number is read once.
 *
 * Asynchronous file access waits in these threads, and one that meets a stuck disk never comes back: with Node's four, four
 * dead disks at a start would stop the whole driver. An idle thread costs some kilobytes.
 */
process.env["UV_THREADPOOL_SIZE"] ??= "32";
