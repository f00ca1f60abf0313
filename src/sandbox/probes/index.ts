// The probe suite (isolation.md §12): what a driver's `measure` runs inside a sandbox of its own.
export type { ProbeHost, ProbeHostOptions } from './host.ts'
export { createMeasure, type MeasureDeps } from './measure.ts'
export type { Probe } from './probe.ts'
export type { ProbeOptions } from './run.ts'
