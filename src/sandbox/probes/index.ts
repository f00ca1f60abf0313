// The probe suite (isolation.md §12): what a driver's `measure` runs inside a sandbox of its own.
export { openProbeHost, type ProbeHost, type ProbeHostOptions } from './host.ts'
export { createMeasure, type MeasureDeps } from './measure.ts'
export type { Probe } from './probe.ts'
export { allProbes, type ProbeOptions, runProbes } from './run.ts'
