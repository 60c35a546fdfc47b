// Prints a part of what a template becomes, as JSON, for template.sh:
//     node print.mjs table                  properties of the table that `ringback doctor` knows of
//     node print.mjs schedule SQL           the request that the schedule sends
//     node print.mjs properties             those of the example's resource
//     node print.mjs settings               the functions' settings
//     node print.mjs states                 the example's state machine
import { evaluate, read, settings } from './template.mjs'

const [what, sql] = process.argv.slice(2)
const example = { ...settings['a workgroup'], TemplateUrl: 'https://b.s3.amazonaws.com/ringback.yaml' }
const made = (name, parameters) => evaluate(read(name), parameters).Resources
const parts = {
    table() {
        const { PointInTimeRecoverySpecification, SSESpecification, ...table } = made('ringback.yaml', settings['a workgroup']).Table.Properties
        return table
    },
    schedule: () => JSON.parse(made('ringback.yaml', { ...settings.everything, ScheduleSql: sql }).Schedule.Properties.Target.Input),
    settings: () => made('ringback.yaml', settings['a cluster']).Invoker.Properties.Environment.Variables,
    properties: () => made('example.yaml', example).Visits.Properties,
    states: () => made('example.yaml', example).Load.Properties.Definition.States,
}
console.log(JSON.stringify(parts[what]()))
