#include "monitor/runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum {
    BLOOM_BITS_A_KEY = 10,
    BLOOM_PROBES = 7,
    PENDING_BUCKETS = 64 * 1024,
    CHUNK_BYTES = RUN_CHUNK_PAIRS * 16,
    CHUNKS_KEPT_MAX = 4096, /* 64 MB, for look-ups; then all are forgotten: half as good as an order, and no work */
    RUNS_MAX = 512,         /* far more than levels times RUNS_FAN */
};

struct pair {
    uint64_t hash;
    int64_t number;
};
_Static_assert(sizeof(struct pair) == 16, "chunks are arrays of these");

struct pending {
    struct pair pair;
    int next; /* of its bucket; -1: none */
};

struct run {
    int64_t id, first_chunk, count;
    int level, chunks_count;
    uint64_t *fences; /* the first hash of each chunk */
    uint64_t *bloom;
    uint64_t bloom_bits;
    struct pair *cache; /* the chunk that was read last, in order */
    int cache_chunk, cache_len;
    struct pair **kept; /* chunks that were looked into; NULL: not read yet */
};

struct runs {
    struct db *db;
    struct run *list[RUNS_MAX]; /* oldest first, so levels do not rise */
    int count;
    int kept_count; /* chunks */
    VEC(struct pending) pending;
    int buckets[PENDING_BUCKETS];
};

const char runs_schema[] = "CREATE TABLE runs ("
                           "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                           "  level INTEGER NOT NULL,"
                           "  count INTEGER NOT NULL,"
                           "  first_chunk INTEGER NOT NULL,"
                           "  chunks INTEGER NOT NULL"
                           ") STRICT;"
                           "CREATE TABLE run_chunks ("
                           "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                           "  pairs BLOB NOT NULL" /* (hash, number), 8 bytes each in this machine's order, sorted */
                           ") STRICT;";

uint64_t runs_hash(const str *parts, int count)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (int i = 0; i < count; i++) {
        for (size_t k = 0; k < parts[i].len; k++)
            hash = (hash ^ (unsigned char)parts[i].at[k]) * 0x100000001b3u;
        hash = (hash ^ 0xff) * 0x100000001b3u; /* no text has this byte: "ab", "c" is not "a", "bc" */
    }
    hash = (hash ^ (hash >> 32)) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

/* -- Bloom filters ---------------------------------------------------------------------------------------------------
 */

static void *zeroed(size_t count, size_t size)
{
    void *at = calloc(count ? count : 1, size);

    if (!at)
        abort();
    return at;
}

/* Double hashing: Kirsch, Mitzenmacher, Random Structures & Algorithms 33, 2008. */
static uint64_t bloom_bit(const struct run *run, uint64_t hash, int probe)
{
    uint64_t step = (hash * 0xff51afd7ed558ccdu) | 1;

    return (hash + (uint64_t)probe * step) % run->bloom_bits;
}

static void bloom_add(struct run *run, uint64_t hash)
{
    for (int i = 0; i < BLOOM_PROBES; i++) {
        uint64_t bit = bloom_bit(run, hash, i);

        run->bloom[bit / 64] |= 1ULL << (bit % 64);
    }
}

static bool bloom_may_have(const struct run *run, uint64_t hash)
{
    for (int i = 0; i < BLOOM_PROBES; i++) {
        uint64_t bit = bloom_bit(run, hash, i);

        if (!(run->bloom[bit / 64] >> (bit % 64) & 1))
            return false;
    }
    return true;
}

/* -- a run -----------------------------------------------------------------------------------------------------------
 */

static struct run *run_new(int level, int64_t count)
{
    struct run *run = zeroed(1, sizeof *run);

    run->level = level;
    run->count = count;
    run->chunks_count = (int)((count + RUN_CHUNK_PAIRS - 1) / RUN_CHUNK_PAIRS);
    run->fences = zeroed((size_t)run->chunks_count, sizeof *run->fences);
    run->bloom_bits = (uint64_t)count * BLOOM_BITS_A_KEY + 1;
    run->bloom = zeroed(run->bloom_bits / 64 + 1, sizeof *run->bloom);
    run->kept = zeroed((size_t)run->chunks_count, sizeof *run->kept);
    run->cache_chunk = -1;
    return run;
}

static void forget_kept(struct run *run)
{
    for (int i = 0; i < run->chunks_count; i++) {
        free(run->kept[i]);
        run->kept[i] = NULL;
    }
}

static void run_free(struct run *run)
{
    forget_kept(run);
    free(run->kept);
    free(run->fences);
    free(run->bloom);
    free(run->cache);
    free(run);
}

/* The chunk lies in the run's cache until another is read. */
static bool read_chunk(struct runs *runs, struct run *run, int chunk, struct err *err)
{
    ARENA_AUTO arena = {0};
    str pairs;

    if (run->cache_chunk == chunk)
        return true;
    *err = (struct err){0};
    DB_ROWS_AUTO rows =
        db_query(runs->db, err, "SELECT pairs FROM run_chunks WHERE id = ?", DB_INT(run->first_chunk + chunk));
    if (!db_next(&rows, err))
        return err->code ? false
                         : err_set(err, ERR_SYSTEM, "a chunk of the item index is missing: the file is damaged");
    pairs = db_text(&rows, 0, &arena);
    if (pairs.len == 0 || pairs.len > CHUNK_BYTES || pairs.len % sizeof(struct pair) != 0)
        return err_set(err, ERR_SYSTEM, "a chunk of the item index has a wrong size: the file is damaged");
    if (!run->cache)
        run->cache = zeroed(RUN_CHUNK_PAIRS, sizeof *run->cache);
    memcpy(run->cache, pairs.at, pairs.len);
    run->cache_chunk = chunk;
    run->cache_len = (int)(pairs.len / sizeof(struct pair));
    return true;
}

static bool load_run(struct runs *runs, const struct db_rows *rows, struct err *err)
{
    struct run *run = run_new((int)db_int(rows, 1), db_int(rows, 2));

    runs->list[runs->count++] = run;
    run->id = db_int(rows, 0);
    run->first_chunk = db_int(rows, 3);
    for (int chunk = 0; chunk < run->chunks_count; chunk++) {
        if (!read_chunk(runs, run, chunk, err))
            return false;
        run->fences[chunk] = run->cache[0].hash;
        for (int i = 0; i < run->cache_len; i++)
            bloom_add(run, run->cache[i].hash);
    }
    return true;
}

static bool load(struct runs *runs, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(runs->db, err, "SELECT id, level, count, first_chunk FROM runs ORDER BY id");

    while (db_next(&rows, err)) {
        if (runs->count == RUNS_MAX)
            return err_set(err, ERR_SYSTEM, "the item index has too many runs: the file is damaged");
        if (!load_run(runs, &rows, err))
            return false;
    }
    return err->code == ERR_NONE;
}

static void forget_pending(struct runs *runs)
{
    runs->pending.len = 0;
    memset(runs->buckets, 0xff, sizeof runs->buckets);
}

bool runs_open(struct db *db, struct runs **ret, struct err *err)
{
    struct runs *runs = zeroed(1, sizeof *runs);

    runs->db = db;
    forget_pending(runs);
    if (!load(runs, err)) {
        runs_close(runs);
        return false;
    }
    *ret = runs;
    return true;
}

void runs_close(struct runs *runs)
{
    if (!runs)
        return;
    for (int i = 0; i < runs->count; i++)
        run_free(runs->list[i]);
    vec_free(&runs->pending);
    free(runs);
}

/* -- adding ------------------------------------------------------------------------------------------------------- */

static int *bucket_of(struct runs *runs, uint64_t hash)
{
    return &runs->buckets[hash % PENDING_BUCKETS];
}

bool runs_add(struct runs *runs, uint64_t hash, int64_t number, struct err *err)
{
    int *bucket = bucket_of(runs, hash);

    if (runs->pending.len == RUNS_PENDING_MAX && !runs_write(runs, err))
        return false;
    *vec_push(&runs->pending) = (struct pending){{hash, number}, *bucket};
    *bucket = (int)runs->pending.len - 1;
    return true;
}

/* Writes a run's chunks as its pairs come, in order. */
struct writer {
    struct runs *runs;
    struct run *run;
    struct pair chunk[RUN_CHUNK_PAIRS];
    int chunk_len, chunks_done;
};

static bool write_chunk(struct writer *writer, struct err *err)
{
    struct run *run = writer->run;
    str pairs = {(const char *)writer->chunk, (size_t)writer->chunk_len * sizeof *writer->chunk};

    if (writer->chunk_len == 0)
        return true;
    if (!db_run(writer->runs->db, err, "INSERT INTO run_chunks (pairs) VALUES (?)", DB_BLOB(pairs)))
        return false;
    if (writer->chunks_done == 0)
        run->first_chunk = db_last_rowid(writer->runs->db);
    run->fences[writer->chunks_done++] = writer->chunk[0].hash;
    writer->chunk_len = 0;
    return true;
}

static bool write_pair(struct writer *writer, const struct pair *pair, struct err *err)
{
    bloom_add(writer->run, pair->hash);
    writer->chunk[writer->chunk_len++] = *pair;
    return writer->chunk_len < RUN_CHUNK_PAIRS || write_chunk(writer, err);
}

static bool write_end(struct writer *writer, struct err *err)
{
    struct run *run = writer->run;

    if (!write_chunk(writer, err) ||
        !db_run(writer->runs->db, err, "INSERT INTO runs (level, count, first_chunk, chunks) VALUES (?, ?, ?, ?)",
                DB_INT(run->level), DB_INT(run->count), DB_INT(run->first_chunk), DB_INT(run->chunks_count)))
        return false;
    run->id = db_last_rowid(writer->runs->db);
    return true;
}

static int by_hash(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static bool write_pending(struct runs *runs, struct err *err)
{
    size_t count = runs->pending.len;
    struct pair *pairs = zeroed(count, sizeof *pairs);
    struct writer *writer = zeroed(1, sizeof *writer);
    bool good = true;

    for (size_t i = 0; i < count; i++)
        pairs[i] = runs->pending.at[i].pair;
    qsort(pairs, count, sizeof *pairs, by_hash);
    *writer = (struct writer){.runs = runs, .run = run_new(0, (int64_t)count)};
    for (size_t i = 0; good && i < count; i++)
        good = write_pair(writer, &pairs[i], err);
    good = good && write_end(writer, err);
    runs->list[runs->count++] = writer->run;
    free(writer);
    free(pairs);
    forget_pending(runs);
    return good;
}

/* -- merging ------------------------------------------------------------------------------------------------------ */

struct cursor { /* through one run */
    struct run *run;
    int chunk, at;
};

static bool cursor_pair(struct runs *runs, struct cursor *cursor, const struct pair **ret, struct err *err)
{
    *ret = NULL;
    if (cursor->chunk == cursor->run->chunks_count)
        return true;
    if (!read_chunk(runs, cursor->run, cursor->chunk, err))
        return false;
    *ret = &cursor->run->cache[cursor->at];
    return true;
}

static void cursor_step(struct cursor *cursor)
{
    if (++cursor->at == cursor->run->cache_len) {
        cursor->chunk++;
        cursor->at = 0;
    }
}

static bool merge_pairs(struct runs *runs, struct cursor cursors[RUNS_FAN], struct writer *writer, struct err *err)
{
    for (;;) {
        const struct pair *least = NULL, *pair;
        struct cursor *from = NULL;

        for (int i = 0; i < RUNS_FAN; i++) {
            if (!cursor_pair(runs, &cursors[i], &pair, err))
                return false;
            if (pair && (!least || by_hash(pair, least) < 0)) {
                least = pair;
                from = &cursors[i];
            }
        }
        if (!from)
            return write_end(writer, err);
        if (!write_pair(writer, least, err))
            return false;
        cursor_step(from);
    }
}

static bool forget_run(struct runs *runs, const struct run *run, struct err *err)
{
    return db_run(runs->db, err, "DELETE FROM run_chunks WHERE id >= ? AND id < ?", DB_INT(run->first_chunk),
                  DB_INT(run->first_chunk + run->chunks_count)) &&
           db_run(runs->db, err, "DELETE FROM runs WHERE id = ?", DB_INT(run->id));
}

/* The last RUNS_FAN of the list, which are of one level, become one of the next. */
static bool merge_last(struct runs *runs, struct err *err)
{
    struct run **last = &runs->list[runs->count - RUNS_FAN];
    struct cursor cursors[RUNS_FAN];
    struct writer *writer = zeroed(1, sizeof *writer);
    int64_t count = 0;
    bool good;

    for (int i = 0; i < RUNS_FAN; i++) {
        cursors[i] = (struct cursor){.run = last[i]};
        count += last[i]->count;
    }
    *writer = (struct writer){.runs = runs, .run = run_new(last[0]->level + 1, count)};
    good = merge_pairs(runs, cursors, writer, err);
    for (int i = 0; i < RUNS_FAN; i++) {
        good = good && forget_run(runs, last[i], err);
        run_free(last[i]);
    }
    last[0] = writer->run;
    runs->count -= RUNS_FAN - 1;
    free(writer);
    return good;
}

static bool last_are_of_one_level(const struct runs *runs)
{
    return runs->count >= RUNS_FAN && runs->list[runs->count - RUNS_FAN]->level == runs->list[runs->count - 1]->level;
}

bool runs_write(struct runs *runs, struct err *err)
{
    bool good = runs->pending.len == 0 || write_pending(runs, err);

    while (good && last_are_of_one_level(runs))
        good = merge_last(runs, err);
    return good;
}

/* -- finding ------------------------------------------------------------------------------------------------------ */

/* The first chunk that may have the hash: the one before the first whose fence is not below it. */
static int first_chunk(const struct run *run, uint64_t hash)
{
    int low = 0, high = run->chunks_count;

    while (low < high) {
        int middle = (low + high) / 2;

        if (run->fences[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : 0;
}

static int chunk_len(const struct run *run, int chunk)
{
    int64_t rest = run->count - (int64_t)chunk * RUN_CHUNK_PAIRS;

    return rest < RUN_CHUNK_PAIRS ? (int)rest : RUN_CHUNK_PAIRS;
}

static bool keep_chunk(struct runs *runs, struct run *run, int chunk, struct err *err)
{
    if (!read_chunk(runs, run, chunk, err))
        return false;
    if (run->cache_len != chunk_len(run, chunk))
        return err_set(err, ERR_SYSTEM, "a chunk of the item index has a wrong size: the file is damaged");
    if (runs->kept_count == CHUNKS_KEPT_MAX) {
        for (int i = 0; i < runs->count; i++)
            forget_kept(runs->list[i]);
        runs->kept_count = 0;
    }
    run->kept[chunk] = zeroed(RUN_CHUNK_PAIRS, sizeof *run->kept[chunk]);
    memcpy(run->kept[chunk], run->cache, (size_t)run->cache_len * sizeof *run->cache);
    runs->kept_count++;
    return true;
}

static int first_pair(const struct pair *pairs, int len, uint64_t hash)
{
    int low = 0, high = len;

    while (low < high) {
        int middle = (low + high) / 2;

        if (pairs[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct finding {
    uint64_t hash;
    bool (*on_number)(void *ctx, int64_t number);
    void *ctx;
    bool is_done;
};

/* on_number may find in these runs itself, so what the chunk has of the hash is taken out of it first. */
static bool find_in_run(struct runs *runs, struct run *run, struct finding *finding, struct err *err)
{
    VEC(int64_t) numbers = {0};
    bool good = true;

    for (int chunk = first_chunk(run, finding->hash);
         good && chunk < run->chunks_count && run->fences[chunk] <= finding->hash; chunk++) {
        int len = chunk_len(run, chunk);

        good = run->kept[chunk] || keep_chunk(runs, run, chunk, err);
        for (int i = good ? first_pair(run->kept[chunk], len, finding->hash) : 0;
             good && i < len && run->kept[chunk][i].hash == finding->hash; i++)
            *vec_push(&numbers) = run->kept[chunk][i].number;
    }
    for (size_t i = numbers.len; good && !finding->is_done && i > 0; i--)
        finding->is_done = !finding->on_number(finding->ctx, numbers.at[i - 1]);
    vec_free(&numbers);
    return good;
}

bool runs_find(struct runs *runs, uint64_t hash, bool (*on_number)(void *ctx, int64_t number), void *ctx,
               struct err *err)
{
    struct finding finding = {hash, on_number, ctx, false};

    for (int i = *bucket_of(runs, hash); !finding.is_done && i >= 0; i = runs->pending.at[i].next)
        if (runs->pending.at[i].pair.hash == hash)
            finding.is_done = !on_number(ctx, runs->pending.at[i].pair.number);
    for (int i = runs->count - 1; !finding.is_done && i >= 0; i--)
        if (bloom_may_have(runs->list[i], hash) && !find_in_run(runs, runs->list[i], &finding, err))
            return false;
    return true;
}
