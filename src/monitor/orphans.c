#include "monitor/orphans.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "monitor/store.h"

enum { SLOTS = 4 * 1024 * 1024 }; /* one byte each, counting up to 255: a counting filter of one hash */

struct orphans {
    struct db *db;
    int64_t count;
    unsigned char *slots;
};

const char orphans_schema[] = "CREATE TABLE orphans ("
                              "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
                              "  hash INTEGER NOT NULL,"
                              "  function TEXT NOT NULL,"
                              "  prediction_id TEXT NOT NULL,"
                              "  request_id TEXT NOT NULL,"
                              "  position INTEGER NOT NULL,"
                              "  items TEXT NOT NULL,"
                              "  label REAL," /* NULL: retracted */
                              "  known_us INTEGER NOT NULL,"
                              "  received_us INTEGER NOT NULL,"
                              "  source TEXT NOT NULL,"
                              "  note TEXT NOT NULL"
                              ") STRICT;"
                              "CREATE INDEX orphans_hash ON orphans(hash);";

static unsigned char *slot_of(const struct orphans *orphans, uint64_t hash)
{
    return &orphans->slots[hash % SLOTS];
}

static void note(struct orphans *orphans, uint64_t hash)
{
    unsigned char *slot = slot_of(orphans, hash);

    if (*slot < UINT8_MAX)
        ++*slot;
    orphans->count++;
}

/* A slot that was full stays so: then it only costs a question too many. */
static void forget(struct orphans *orphans, uint64_t hash)
{
    unsigned char *slot = slot_of(orphans, hash);

    if (*slot < UINT8_MAX)
        --*slot;
    orphans->count--;
}

bool orphans_open(struct db *db, struct orphans **ret, struct err *err)
{
    struct orphans *orphans = calloc(1, sizeof *orphans);

    if (!orphans || !(orphans->slots = calloc(SLOTS, 1)))
        abort();
    orphans->db = db;
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(db, err, "SELECT hash FROM orphans");
    while (db_next(&rows, err))
        note(orphans, (uint64_t)db_int(&rows, 0));
    if (err->code != ERR_NONE) {
        orphans_close(orphans);
        return false;
    }
    *ret = orphans;
    return true;
}

void orphans_close(struct orphans *orphans)
{
    if (!orphans)
        return;
    free(orphans->slots);
    free(orphans);
}

int64_t orphans_count(const struct orphans *orphans)
{
    return orphans->count;
}

bool orphans_may_have(const struct orphans *orphans, uint64_t hash)
{
    return *slot_of(orphans, hash) > 0;
}

/* As with a prediction's labels, one that says what is known already is nothing new. */
static bool is_kept(struct orphans *orphans, uint64_t hash, const struct label *label, bool *ret, struct err *err)
{
    *err = (struct err){0};
    *ret = false;
    if (!orphans_may_have(orphans, hash))
        return true;
    DB_ROWS_AUTO rows = db_query(
        orphans->db, err,
        "SELECT label IS ? FROM orphans WHERE hash = ? AND function = ? AND prediction_id = ? AND request_id = ?"
        " AND position = ? AND items = ? AND known_us <= ? ORDER BY known_us DESC, id DESC LIMIT 1",
        label->is_retracted ? DB_NULL : DB_REAL(label->value), DB_INT(hash), DB_STR(label->function),
        DB_STR(label->prediction_id), DB_STR(label->request_id), DB_INT(label->position), DB_STR(label->items),
        DB_INT(label->known_us));
    *ret = db_next(&rows, err) && db_int(&rows, 0) != 0;
    return err->code == ERR_NONE;
}

bool orphans_add(struct orphans *orphans, const struct label *label, struct err *err)
{
    uint64_t hash = label_hash(label);
    bool kept;

    if (!is_kept(orphans, hash, label, &kept, err))
        return false;
    if (kept)
        return true;
    if (orphans->count >= ORPHANS_MAX)
        return err_set(err, ERR_INVALID,
                       "no prediction of this label is known, and %d labels wait for theirs already, which is the most",
                       ORPHANS_MAX);
    if (!db_run(orphans->db, err,
                "INSERT INTO orphans (hash, function, prediction_id, request_id, position, items, label, known_us,"
                " received_us, source, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                DB_INT(hash), DB_STR(label->function), DB_STR(label->prediction_id), DB_STR(label->request_id),
                DB_INT(label->position), DB_STR(label->items), label->is_retracted ? DB_NULL : DB_REAL(label->value),
                DB_INT(label->known_us), DB_INT(clock_wall_us()), DB_STR(label->source), DB_STR(label->note)))
        return false;
    note(orphans, hash);
    return true;
}

static void read_label(struct db_rows *rows, struct arena *arena, struct label *ret)
{
    *ret = (struct label){
        .function = db_text(rows, 1, arena),
        .prediction_id = db_text(rows, 2, arena),
        .request_id = db_text(rows, 3, arena),
        .position = (int)db_int(rows, 4),
        .items = db_text(rows, 5, arena),
        .is_retracted = db_is_null(rows, 6),
        .value = db_real(rows, 6),
        .known_us = db_int(rows, 7),
        .source = db_text(rows, 8, arena),
        .note = db_text(rows, 9, arena),
        .origin = arena_printf(arena, "orphan:%" PRId64, db_int(rows, 0)),
    };
}

static bool is_about(const struct label *label, const struct prediction *p)
{
    if (!str_eq(label->function, p->function))
        return false;
    if (label->prediction_id.len > 0)
        return str_eq(label->prediction_id, p->client_id);
    if (label->request_id.len > 0)
        return str_eq(label->request_id, p->request_id) && label->position == p->position;
    return str_eq(label->items, p->items);
}

static bool take(struct orphans *orphans, uint64_t hash, int64_t id, struct err *err)
{
    if (!db_run(orphans->db, err, "DELETE FROM orphans WHERE id = ?", DB_INT(id)))
        return false;
    forget(orphans, hash);
    return true;
}

bool orphans_take(struct orphans *orphans, uint64_t hash, const struct prediction *p,
                  bool (*on_label)(void *ctx, const struct label *label, struct err *err), void *ctx, struct err *err)
{
    VEC(int64_t) taken = {0};
    ARENA_AUTO arena = {0};
    bool good = true;

    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(orphans->db, err,
                                 "SELECT id, function, prediction_id, request_id, position, items, label, known_us,"
                                 " source, note FROM orphans WHERE hash = ? ORDER BY known_us, id",
                                 DB_INT(hash));
    while (good && db_next(&rows, err)) {
        struct label label;

        read_label(&rows, &arena, &label);
        if (!is_about(&label, p))
            continue;
        good = on_label(ctx, &label, err);
        *vec_push(&taken) = db_int(&rows, 0);
    }
    db_rows_done(&rows);
    good = good && err->code == ERR_NONE;
    for (size_t i = 0; good && i < taken.len; i++)
        good = take(orphans, hash, taken.at[i], err);
    vec_free(&taken);
    return good;
}
