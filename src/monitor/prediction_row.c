#include "monitor/prediction_row.h"

#include <inttypes.h>
#include <math.h>

#include "monitor/answer.h"
#include "monitor/prediction_id.h"

static const char row_sql[] =
    "SELECT p.time_us, s.function, s.version, s.alias, s.source, c.request_id, p.position, p.score, p.threshold,"
    " p.threshold_number, p.decision, g.segment, p.amount, p.items, p.features, p.label, p.label_us, p.client_id,"
    " p.call, m.tag FROM rows p JOIN meta m JOIN streams s ON s.id = p.stream JOIN segments g ON g.id = p.segment"
    " LEFT JOIN calls c ON c.id = p.call WHERE p.id = ?";

enum {
    COL_TIME,
    COL_FUNCTION,
    COL_VERSION,
    COL_ALIAS,
    COL_SOURCE,
    COL_REQUEST,
    COL_POSITION,
    COL_SCORE,
    COL_THRESHOLD,
    COL_NUMBER,
    COL_DECISION,
    COL_SEGMENT,
    COL_AMOUNT,
    COL_ITEMS,
    COL_FEATURES,
    COL_LABEL,
    COL_LABEL_TIME,
    COL_CLIENT_ID,
    COL_CALL,
    COL_TAG
};

static double real_or_nan(const struct db_rows *rows, int column)
{
    return db_is_null(rows, column) ? (double)NAN : db_real(rows, column);
}

static str id_of(const struct db_rows *rows, int64_t id, struct arena *arena)
{
    char *text;

    if (!db_is_null(rows, COL_CLIENT_ID))
        return db_text(rows, COL_CLIENT_ID, arena);
    text = arena_new(arena, char, PREDICTION_ID_CHARS + 1);
    prediction_id_make(db_int(rows, COL_TIME), id, (uint64_t)db_int(rows, COL_TAG), text);
    return str_of(text);
}

bool prediction_row_read(struct db *db, int64_t id, struct arena *arena, struct prediction_row *ret, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(db, err, row_sql, DB_INT(id));

    if (!db_next(&rows, err))
        return err->code ? false : err_set(err, ERR_NOT_FOUND, "there is no prediction in row %" PRId64, id);
    *ret = (struct prediction_row){
        .id = id,
        .time_us = db_int(&rows, COL_TIME),
        .label_us = db_int(&rows, COL_LABEL_TIME),
        .call = db_int(&rows, COL_CALL),
        .prediction_id = id_of(&rows, id, arena),
        .function = db_text(&rows, COL_FUNCTION, arena),
        .version = db_text(&rows, COL_VERSION, arena),
        .alias = db_text(&rows, COL_ALIAS, arena),
        .source = db_text(&rows, COL_SOURCE, arena),
        .request_id = db_text(&rows, COL_REQUEST, arena),
        .segment = db_text(&rows, COL_SEGMENT, arena),
        .items = db_text(&rows, COL_ITEMS, arena),
        .features = db_text(&rows, COL_FEATURES, arena),
        .position = (int)db_int(&rows, COL_POSITION),
        .threshold_number = (int)db_int(&rows, COL_NUMBER),
        .decision = db_int(&rows, COL_DECISION) != 0,
        .score = db_real(&rows, COL_SCORE),
        .threshold = db_real(&rows, COL_THRESHOLD),
        .amount = real_or_nan(&rows, COL_AMOUNT),
        .label = real_or_nan(&rows, COL_LABEL),
    };
    return true;
}

static void write_raw(struct jw *jw, const char *key, str json)
{
    if (json.len > 0)
        jw_raw(jw, key, json);
    else
        jw_null(jw, key);
}

static void write_text(struct jw *jw, const char *key, str text)
{
    if (text.len > 0)
        jw_str(jw, key, text);
    else
        jw_null(jw, key);
}

static void write_optional(struct jw *jw, const char *key, double number)
{
    if (isnan(number))
        jw_null(jw, key);
    else
        answer_number(jw, key, number);
}

/* By the decision that is asked about: another threshold's when there is one. */
static const char *outcome_of(const struct prediction_row *row, bool decision)
{
    if (isnan(row->label))
        return NULL;
    return row->label >= 0.5 ? decision ? "tp" : "fn" : decision ? "fp" : "tn";
}

static void write_decision(struct jw *jw, const struct prediction_row *row, double asked)
{
    bool decision = isnan(asked) ? row->decision : row->score >= asked;
    const char *outcome = outcome_of(row, decision);

    answer_number(jw, "score", row->score);
    answer_number(jw, "threshold", row->threshold);
    jw_int(jw, "threshold_number", row->threshold_number);
    jw_bool(jw, "decision", row->decision);
    if (!isnan(asked))
        jw_bool(jw, "decision_asked", decision);
    write_optional(jw, "label", row->label);
    if (row->label_us)
        answer_time(jw, "label_time", row->label_us);
    else
        jw_null(jw, "label_time");
    write_text(jw, "outcome", str_of(outcome ? outcome : ""));
}

void prediction_row_write(struct jw *jw, const struct prediction_row *row, double asked)
{
    jw_str(jw, "prediction_id", row->prediction_id);
    answer_time(jw, "time", row->time_us);
    jw_str(jw, "function", row->function);
    jw_str(jw, "version", row->version);
    jw_str(jw, "alias", row->alias);
    jw_str(jw, "source", row->source);
    write_text(jw, "request_id", row->request_id);
    jw_int(jw, "position", row->position);
    write_decision(jw, row, asked);
    jw_str(jw, "segment", row->segment);
    write_optional(jw, "amount", row->amount);
    write_raw(jw, "items", row->items);
    write_raw(jw, "features", row->features);
}
