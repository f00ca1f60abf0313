// seccomp profiles and their compiler (isolation.md §9): an OCI `linux.seccomp` document in, classic BPF out.
// The jailer hands the bytes to bubblewrap by descriptor. Must never widen: what it does not understand is an error.

export type SeccompArch = 'x86_64' | 'aarch64'
export type SeccompProfileName = 'strict' | 'userns'
