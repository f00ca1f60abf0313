// `mayfly webhook …`: words and options only, as in program.ts.
import { type Command, Option } from 'commander'
import { webhookDeliveryStates } from '../protocol/api/webhooks.ts'
import { pingEvent, webhookEvents, webhookFormats } from '../protocol/webhooks.ts'
import { carryOut, collect, jsonOption } from './action.ts'
import { whenSure, withYes } from './confirm.ts'
import type { Surroundings } from './surroundings.ts'

export const addWebhookVerbs = (program: Command, around: Surroundings): void => {
  const load = () => import('./commands/webhooks.ts')
  const webhook = program
    .command('webhook')
    .alias('webhooks')
    .description('who is told of what happens in a project')
  const verb = (words: string, description: string): Command =>
    webhook
      .command(words)
      .description(description)
      .addOption(new Option('-R, --project <name>', 'the project, else the one of this work tree'))
  const withJson = (command: Command): Command => command.addOption(jsonOption())
  const eventOption = () =>
    new Option('-e, --event <event>', 'tell it of this, such as run.finished (repeatable; default: all)')
      .argParser(collect)
      .default([])
  withJson(verb('list', 'targets, their formats and events').alias('ls')).action(
    carryOut(around, async () => (await load()).listWebhooks),
  )
  withJson(verb('show <name>', 'one target, with its public key')).action(
    carryOut(around, async () => (await load()).showWebhook),
  )
  withJson(verb('add <name> <url>', 'tell another target; its secret is printed once'))
    .addOption(eventOption())
    .addOption(new Option('--format <format>', 'the form of what it is told').choices(webhookFormats))
    .action(carryOut(around, async () => (await load()).addWebhook))
  withJson(verb('set <name>', 'change a target'))
    .option('--url <url>', 'where it is')
    .option('--name <name>', 'what it is called')
    .addOption(eventOption())
    .action(carryOut(around, async () => (await load()).setWebhook))
  withJson(verb('enable <name>', 'tell it again')).action(
    carryOut(around, async () => (await load()).enableWebhook),
  )
  withJson(verb('disable <name>', 'tell it nothing; what waits for it is dropped')).action(
    carryOut(around, async () => (await load()).disableWebhook),
  )
  withJson(verb('rotate <name>', 'give it new keys; the new secret is printed once'))
    .option(
      '--overlap <duration>',
      'how long the keys of before sign as well, 0s to 168h (default: 24h; not with --format circleci)',
    )
    .action(carryOut(around, async () => (await load()).rotateWebhook))
  withJson(verb('test <name>', 'send a ping and say what came of it')).action(
    carryOut(around, async () => (await load()).testWebhook),
  )
  withJson(verb('deliveries <name>', 'what it was told, newest first'))
    .addOption(new Option('--state <state>', 'only these').choices(webhookDeliveryStates))
    .addOption(new Option('--event <event>', 'only of this event').choices([...webhookEvents, pingEvent]))
    .option('--before <id>', 'those that are older than this one')
    .option('--limit <count>', 'at most so many', '20')
    .action(carryOut(around, async () => (await load()).listWebhookDeliveries))
  withJson(verb('delivery <name> <id>', 'one delivery, with every try')).action(
    carryOut(around, async () => (await load()).showWebhookDelivery),
  )
  withJson(verb('redeliver <name> <id>', 'send it once more, with the same id and body')).action(
    carryOut(around, async () => (await load()).redeliverWebhook),
  )
  withYes(verb('remove <name>', 'remove a target with its deliveries'))
    .alias('rm')
    .action(
      carryOut(
        around,
        whenSure(
          (name: string) => `Remove the webhook ${name}, with its secret and deliveries?`,
          async () => (await load()).removeWebhook,
        ),
      ),
    )
}
