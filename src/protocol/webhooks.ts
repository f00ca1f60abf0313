// Webhooks out, in the words of everybody who makes, sends or shows them: what a target can be told, and in which form.

/** Standard Webhooks as it is, the same in an envelope of CloudEvents, or as CircleCI tells it. */
export const webhookFormats = ['standard', 'cloudevents', 'circleci'] as const
export type WebhookFormat = (typeof webhookFormats)[number]

export const mayflyEvents = [
  'run.queued',
  'run.started',
  'run.failing',
  'run.hold',
  'run.finished',
  'job.started',
  'job.hold',
  'job.finished',
] as const
export const circleciEvents = ['workflow-completed', 'job-completed'] as const
export const webhookEvents = [...mayflyEvents, ...circleciEvents] as const
export type WebhookEvent = (typeof webhookEvents)[number]

/** What somebody sends to see whether it arrives; of no run, and nothing to choose. */
export const pingEvent = 'ping'

export const eventsOf = (format: WebhookFormat): readonly WebhookEvent[] =>
  format === 'circleci' ? circleciEvents : mayflyEvents

/** A message stays below this, whatever names people give. */
export const webhookMessageBytesMax = 20 * 1024
/** Keys that were replaced sign as well for at most a week. */
export const senderOverlapSecondsMax = 7 * 24 * 3600
export const senderOverlapSeconds = 24 * 3600

export const webhookSecretPrefix = 'whsec_'
export const webhookPublicKeyPrefix = 'whpk_'
