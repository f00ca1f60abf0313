// Named bounds of the sandbox zone (isolation.md §1.3): every wait, line, list and retry has one.

/** Nests one jailer holds at the same time, pooled ones included. */
export const nestsMax = 512
/** Nests being built at the same time. */
export const buildsPerProcessor = 2
export const cellsPerNestMax = 256
/** Steps of one job cell. */
export const setsPerNestMax = 20_000
/** Connections at once to a socket that a step was given: each takes memory and descriptors of the runner. */
export const socketConnectionsMax = 64
/** Numbers of background steps begin here. */
export const backgroundSet = 100_000
/** Networks of jobs on one gateway: one a nest, and those of clean cells with a list of their own. */
export const linksMax = 2_000
export const toolsMax = 8
export const sourcesMax = 8

/** A call to the jailer that takes longer is a fault. */
export const callMs = 30_000
/** From `open` to a ready job cell, when the caller's deadline is longer. */
export const nestMs = 30_000
/** Processes of our own: mount, cp, mkfifo. */
export const toolMs = 10_000
/** Between the rounds of a kill that does not take (§2.8). */
export const killRoundMs = 10_000
export const killRounds = 3
/** All of that, its groups and the proof: who destroys a nest waits longer than the jailer tries. */
export const destroyMs = killRounds * killRoundMs + 30_000
/** The anchor ends by itself when its pipe closes; after this it is killed. */
export const anchorEndMs = 200
/** Zombies hold a group until somebody has reaped them: milliseconds, more when the machine is busy. */
export const cgroupRemoveMs = 5_000

/** After a walk over /proc we rest five times as long as it took, at most this: those who ask meanwhile share the next. */
export const surveyRestMs = 40

/** A daemon that keeps a step's output open holds the step this long after its end (§2.9). */
export const outputGraceMs = 5_000
/** From then on what it prints is read and dropped, one pipe's worth after so long. */
export const drainEveryMs = 4
/** Kept of what a cell says on stderr, for the words of one that never began. */
export const firstWordsBytes = 300
/** How many of those that are gone are remembered: what is told of one, or asked about it, comes within moments. */
export const goneNestsMax = 1_024
/** After KILL the loop must report the step's end within this time, else the whole cell goes. */
export const killedStepMs = 5_000
/** A status line of the loop; longer is hostile. */
export const statusLineMax = 64

export const scriptBytesMax = 4 * 1024 * 1024
/** MAX_ARG_STRLEN of the kernel, the terminating NUL included. */
export const variableBytesMax = 131_072
export const environmentBytesMax = 1024 * 1024
/** The first line of a prologue, which says to a bash that waits how long the rest is, and nothing to other shells. */
export const prologueHeadBytes = 16

/** Sets of FIFOs made with the nest (each costs its start some 0.1 ms), and per refill. */
export const setsAtStart = 4
export const setsBatch = 16
/** A step that runs this long has the handles of the next asked for. */
export const nextSetMs = 100
/** A waiting nest is made anew after this. */
export const poolAgeMs = 10 * 60_000
/** From a nest being taken to the making of the next one. */
export const poolRefillMs = 150
