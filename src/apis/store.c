#include "apis/store.h"

#include "apis/compile.h"
#include "apis/rest.h"

bool apis_load_stage(struct db *db, str api_id, str name, struct api_stage **ret, struct err *err)
{
    ARENA_AUTO arena = {0};
    struct rest_stage row;
    struct rest_deployment deployment;
    struct api_stage *stage;

    if (!row_get(db, &rest_stages, (const str[]){api_id, name}, &arena, &row, err)) {
        *ret = NULL;
        return err->code == ERR_NOT_FOUND;
    }
    if (!row_get(db, &rest_deployments, (const str[]){api_id, row.deployment_id}, &arena, &deployment, err) ||
        !apis_compile(deployment.snapshot, row.variables, &stage, err))
        return err_wrap(err, "stage " STR_FMT " of API " STR_FMT, STR_ARG(name), STR_ARG(api_id));
    stage->api_id = arena_copy(&stage->arena, api_id);
    stage->name = arena_copy(&stage->arena, name);
    stage->deployment_id = arena_copy(&stage->arena, row.deployment_id);
    *ret = stage;
    return true;
}

bool apis_load_all(struct db *db, struct apis *apis, struct err *err)
{
    ARENA_AUTO arena = {0};
    struct rest_stage *rows;
    struct api_stage *stage;
    void *list;
    str id;
    int count;

    if (!row_list(db, &rest_stages, NULL, 0, &arena, &list, &count, err))
        return false;
    rows = list;
    for (int i = 0; i < count; i++) {
        if (!apis_load_stage(db, rows[i].api_id, rows[i].name, &stage, err))
            return false;
        if (stage)
            apis_put(apis, stage);
    }
    if (!rest_default_api(db, &arena, &id, err))
        return false;
    apis_set_default(apis, id);
    return true;
}
