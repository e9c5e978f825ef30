// Reads what `tidemark listing show --dcat` printed as a stranger would: with npm's jsonld, offline, and with prefixes
// of its own, not the document's.
//
//   node dcat.mjs FILE [PATH…]     a PATH is names with spaces between, like "dcat:distribution dcat:byteSize"
//
// Prints a line a PATH, "PATH: " and the values it leads to from the dataset or service (sorted but for lists, " | "
// between), and fails when anything is loaded, is dropped in safe mode, is no term of its vocabulary, is no absolute IRI,
// or does not parse.
import {createRequire} from 'node:module'
import {readFileSync} from 'node:fs'
import {dirname, resolve} from 'node:path'

const modules = process.env.TIDEMARK_AGE_VECTORS ? dirname(process.env.TIDEMARK_AGE_VECTORS)
  : process.env.TIDEMARK_BUILD ? resolve(process.env.TIDEMARK_BUILD, '../vectors/node_modules')
  : 'build/vectors/node_modules'
const jsonld = createRequire(resolve(modules, 'here.js'))('jsonld')

const prefixes = {
  dcat: 'http://www.w3.org/ns/dcat#', dct: 'http://purl.org/dc/terms/', foaf: 'http://xmlns.com/foaf/0.1/',
  odrl: 'http://www.w3.org/ns/odrl/2/', rdf: 'http://www.w3.org/1999/02/22-rdf-syntax-ns#',
  rdfs: 'http://www.w3.org/2000/01/rdf-schema#', skos: 'http://www.w3.org/2004/02/skos/core#',
  spdx: 'http://spdx.org/rdf/terms#', xsd: 'http://www.w3.org/2001/XMLSchema#', tide: 'urn:tidemark:ns#',
  freq: 'http://publications.europa.eu/resource/authority/frequency/',
  currency: 'http://publications.europa.eu/resource/authority/currency/',
  media: 'https://www.iana.org/assignments/media-types/'
}

// The names that exist: a misspelt one expands as well as any other.
const terms = {
  dcat: 'Dataset DataService Distribution accessURL byteSize distribution endDate keyword mediaType ' +
    'previousVersion startDate theme',
  dct: 'Location PeriodOfTime RightsStatement ISO3166 accrualPeriodicity description identifier issued publisher ' +
    'references rights spatial temporal title type',
  foaf: 'Agent name', rdfs: 'label', skos: 'Concept prefLabel inScheme', rdf: 'type value first rest nil',
  odrl: 'Offer Set Permission Duty Constraint hasPolicy permission target assigner action use constraint ' +
    'leftOperand operator rightOperand eq isAnyOf purpose spatial duty compensate compensatedParty refinement ' +
    'payAmount unit',
  spdx: 'Checksum checksum algorithm checksumValue checksumAlgorithm_sha256',
  xsd: 'string boolean integer decimal dateTime hexBinary nonNegativeInteger',
  tide: 'market listing state class unit rows updateCycle personalData legalBasis dataset model report api compute ' +
    'categories columns columnName columnType rightHolding rightProcessing rightOperating assessment ' +
    'contentRoot keyCommitment nonce chunks sealedBytes mediaType',
  freq: 'UPDATE_CONT HOURLY DAILY DAILY_2 WEEKLY WEEKLY_2 BIWEEKLY MONTHLY MONTHLY_2 QUARTERLY ANNUAL ANNUAL_2 ' +
    'BIENNIAL IRREG NEVER',
  currency: 'CNY'
}

const dateTime = /^\d{4,}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?Z$/
const literals = {
  'xsd:string': () => true,
  'xsd:boolean': text => /^(true|false)$/.test(text),
  'xsd:integer': text => /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)),
  'xsd:nonNegativeInteger': text => /^\d+$/.test(text) && Number.isSafeInteger(Number(text)),
  'xsd:decimal': text => /^\d+\.\d\d$/.test(text),
  'xsd:dateTime': text => dateTime.test(text) && (text.length > 24 || !Number.isNaN(Date.parse(text))),
  'xsd:hexBinary': text => /^([0-9a-f]{32}|[0-9a-f]{64})$/.test(text),
  'dct:ISO3166': text => /^[A-Z]{2}$/.test(text)
}

function fail(why) {
  console.error(`dcat.mjs: ${why}`)
  process.exit(1)
}

function short(iri) {
  if (!/^[a-z][a-z0-9+.-]*:[^\s<>"{}|\\^`]+$/i.test(iri)) fail(`no absolute IRI: ${iri}`)
  const [name, space] = Object.entries(prefixes).find(([, value]) => iri.startsWith(value)) ?? []
  if (name === undefined) return `<${iri}>`
  const rest = iri.slice(space.length)
  if (terms[name] && !terms[name].split(' ').includes(rest)) fail(`no such term: ${name}:${rest}`)
  return `${name}:${rest}`
}

function shown(term) {
  if (term.termType === 'BlankNode') return '[]'
  if (term.termType === 'NamedNode') return short(term.value)
  const type = short(term.datatype.value)
  if (!literals[type]) fail(`a literal of an unknown type: ${type}`)
  if (!literals[type](term.value)) fail(`no ${type}: ${term.value}`)
  return JSON.stringify(term.value) + (type === 'xsd:string' ? '' : `^^${type}`)
}

const [file, ...paths] = process.argv.slice(2)
const document = JSON.parse(readFileSync(file, 'utf8'))
const options = {safe: true, documentLoader: url => fail(`loads ${url}`)}
const refuse = error => fail(`${error.message} ${error.details?.event?.message ?? ''}`)
const expanded = await jsonld.expand(document, options).catch(refuse)
if (expanded.length !== 1) fail(`${expanded.length} nodes at the top`)
const quads = await jsonld.toRDF(expanded, options).catch(refuse)

for (const quad of quads) {
  if (short(quad.predicate.value).startsWith('<')) fail(`a property of no vocabulary: ${quad.predicate.value}`)
  shown(quad.subject), shown(quad.object)
}

const objects = (subject, predicate) =>
  quads.filter(quad => quad.subject.value === subject.value && short(quad.predicate.value) === predicate)
    .map(quad => quad.object)

// A list's items in order; anything else is itself.
function items(term) {
  if (term.value === `${prefixes.rdf}nil`) return []
  const [first] = objects(term, 'rdf:first'), [rest] = objects(term, 'rdf:rest')
  return first ? [first, ...items(rest)] : [term]
}

for (const path of paths) {
  let at = [{termType: 'NamedNode', value: expanded[0]['@id']}], isList = false
  for (const step of path.split(' ')) {
    at = at.flatMap(term => objects(term, step))
    isList ||= at.some(term => objects(term, 'rdf:first').length > 0)
    at = at.flatMap(items)
  }
  const texts = at.map(shown)
  console.log(`${path}: ${(isList ? texts : texts.sort()).join(' | ')}`)
}
