// The runner's door of sandbox: what a wall is, and how to get one. The root half has its own door, jailer/index.ts.
export { type Channel, channelOverIpc } from './channel.ts'
export type * from './driver.ts'
export { type NamespaceDriverDeps, openNamespaceDriver } from './drivers/namespace/index.ts'
export { type AllowedSource, allowSource } from './egress/source.ts'
export { classes, findClass, nextSmaller, type ResourceClass } from './policy/classes.ts'
export { createMeasure } from './probes/measure.ts'
