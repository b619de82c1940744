// Loaded into npm: it leaves out optional packages, native parts of our tools among them, that do not support the
// version in process.version. What will run them is the node of package.json, not the one npm happens to run on.
Object.defineProperty(process, "version", { value: `v${process.env.PINNED_NODE}` });
