// S3 of `ringback local`, driven by the AWS SDK for JavaScript.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import {
    S3Client, CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand, GetObjectCommand,
    HeadBucketCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { StandIn, refusal } from './stand_in.mjs';

const Bucket = 'sql-scripts';

let standIn;
let s3;

before(async () => {
    standIn = await StandIn.start();
    s3 = standIn.client(S3Client, { forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket }));
});

after(async () => {
    s3.destroy();
    assert.equal(await standIn.stop(), 0);
});

const put = (Key, Body, more = {}) => s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = (Key, more = {}) => s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
const text = async (Key, more) => (await get(Key, more)).Body.transformToString();

describe('objects', () => {
    test('come back as they were put', async () => {
        const { ETag } = await put('a/b c+d/ü.sql', 'SELECT 1');
        const answer = await get('a/b c+d/ü.sql');
        assert.equal(await answer.Body.transformToString(), 'SELECT 1');
        assert.equal(answer.ETag, ETag);
        assert.equal(answer.ContentLength, 8);
        assert.ok(Math.abs(answer.LastModified - Date.now()) < 60000);
    });

    test('come back when put as a stream', async () => {
        const parts = Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(70000, '.'));
        await put('stream', Readable.from(parts.map((part) => Buffer.from(part))),
            { ContentLength: 20 * 70000 });
        assert.equal(await text('stream'), parts.join(''));
    });

    test('may be empty', async () => {
        await put('empty', '');
        assert.equal(await text('empty'), '');
    });

    test('are read in parts', async () => {
        await put('digits', '0123456789');
        const part = await get('digits', { Range: 'bytes=2-4' });
        assert.equal(await part.Body.transformToString(), '234');
        assert.equal(part.ContentRange, 'bytes 2-4/10');
        assert.equal((await refusal(get('digits', { Range: 'bytes=10-' }))).status, 416);
    });

    test('have a head', async () => {
        await put('head', 'four');
        const { ContentLength, ETag } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'head' }));
        assert.equal(ContentLength, 4);
        assert.match(ETag, /^"[0-9a-f]{32}"$/);
        assert.equal((await refusal(s3.send(new HeadObjectCommand({ Bucket, Key: 'none' })))).status, 404);
    });

    test('are deleted', async () => {
        await put('gone', 'x');
        await s3.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
        assert.equal((await refusal(get('gone'))).name, 'NoSuchKey');
    });

    test('are listed in pages', async () => {
        for (const i of [3, 1, 2]) {
            await put(`list/${i}`, 'x'.repeat(i));
        }
        const first = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'list/', MaxKeys: 2 }));
        assert.deepEqual(first.Contents.map((found) => [found.Key, found.Size]), [['list/1', 1], ['list/2', 2]]);
        assert.equal(first.IsTruncated, true);
        const second = await s3.send(new ListObjectsV2Command({
            Bucket, Prefix: 'list/', ContinuationToken: first.NextContinuationToken }));
        assert.deepEqual(second.Contents.map((found) => found.Key), ['list/3']);
        assert.equal(second.IsTruncated, false);
    });

    test('are read and written through presigned URLs', async () => {
        const write = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'pre signed' }), { expiresIn: 60 });
        assert.equal((await fetch(write, { method: 'PUT', body: 'by url' })).status, 200);
        const read = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'pre signed' }), { expiresIn: 60 });
        assert.equal(await (await fetch(read)).text(), 'by url');
        assert.equal((await fetch(read.replace('pre%20signed', 'digits'))).status, 403);
    });
});

describe('refusals', () => {
    test('of what is not there', async () => {
        assert.equal((await refusal(get('nowhere'))).name, 'NoSuchKey');
        assert.equal((await refusal(s3.send(new GetObjectCommand({ Bucket: 'nowhere', Key: 'x' })))).name,
            'NoSuchBucket');
        assert.equal((await refusal(s3.send(new HeadBucketCommand({ Bucket: 'nowhere' })))).status, 404);
    });

    test('of a bucket that is not empty', async () => {
        await put('keeps', 'x');
        assert.equal((await refusal(s3.send(new DeleteBucketCommand({ Bucket })))).name, 'BucketNotEmpty');
    });

    test('of a key that leads out of the folder', async () => {
        assert.equal((await refusal(put('../../etc/stolen', 'x'))).status, 400);
    });

    test('of a request without signature', async () => {
        const answer = await fetch(`${standIn.endpoint}/${Bucket}/digits`);
        assert.equal(answer.status, 403);
        assert.match(await answer.text(), /<Code>AccessDenied<\/Code>/);
    });
});
