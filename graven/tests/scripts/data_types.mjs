// Ordinary use of every data type through node-redis. Argument: the port.
import assert from 'node:assert/strict';
import { createClient } from 'redis';

const port = Number(process.argv[2]);
const client = createClient({ socket: { port } });
client.on('error', (error) => { throw error; });
await client.connect();
await client.flushAll();

await client.set('s', '1');
assert.equal(await client.incr('s'), 2);

await client.rPush('l', ['a', 'b', 'c']);
assert.deepEqual(await client.lRange('l', 0, -1), ['a', 'b', 'c']);
assert.equal(await client.lPop('l'), 'a');

await client.sAdd('set', ['x', 'y']);
assert.deepEqual((await client.sMembers('set')).sort(), ['x', 'y']);

await client.hSet('h', { name: 'ada', age: '36' });
assert.deepEqual({ ...(await client.hGetAll('h')) }, { name: 'ada', age: '36' });

await client.zAdd('z', [{ score: 1.5, value: 'one' }, { score: 2, value: 'two' }]);
assert.deepEqual((await client.zRangeWithScores('z', 0, -1)).map(({ value, score }) => [value, score]), [['one', 1.5], ['two', 2]]);

const id = await client.xAdd('x', '*', { temperature: '20' });
const entries = await client.xRange('x', '-', '+');
assert.equal(entries[0].id, id);
assert.equal(entries[0].message.temperature, '20');
await client.xGroupCreate('x', 'g', '0');
const read = await client.xReadGroup('g', 'me', { key: 'x', id: '>' }, { COUNT: 1 });
assert.equal(read[0].messages[0].id, id);
assert.equal(await client.xAck('x', 'g', id), 1);

await client.setBit('bits', 3, 1);
assert.equal(await client.bitCount('bits'), 1);
await client.pfAdd('hll', ['a', 'b', 'c']);
assert.equal(await client.pfCount('hll'), 3);
await client.geoAdd('geo', { longitude: 13.361389, latitude: 38.115556, member: 'Palermo' });
assert.equal((await client.geoPos('geo', 'Palermo')).length, 1);

const [one, two] = await client.multi().set('m', '1').incr('m').exec();
assert.equal(one, 'OK');
assert.equal(two, 2);

const waiting = client.duplicate();
await waiting.connect();
const popped = waiting.blPop('queue', 5);
setTimeout(() => client.rPush('queue', 'job'), 50);
assert.deepEqual({ ...(await popped) }, { key: 'queue', element: 'job' });

const subscriber = client.duplicate();
await subscriber.connect();
const message = new Promise((resolve) => subscriber.subscribe('news', resolve));
await new Promise((resolve) => setTimeout(resolve, 50));
assert.equal(await client.publish('news', 'hello'), 1);
assert.equal(await message, 'hello');

const keys = [];
for await (const found of client.scanIterator()) keys.push(...[found].flat());
assert.equal(keys.length, 10);

for (const connection of [subscriber, waiting, client]) await connection.quit();
console.log('done');
