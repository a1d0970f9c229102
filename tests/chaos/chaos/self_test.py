"""The verifier's own mutants: what is broken in the collected data must be reported."""

import copy


def drop_one_alert(data):
    del data.results["alerts"][len(data.results["alerts"]) // 2]


def double_one_alert(data):
    rows = data.results["alerts"]
    rows.insert(len(rows) // 2, copy.copy(rows[len(rows) // 2]))


def double_one_trigger_under_another_id(data):
    rows = data.results["triggers"]
    twin = copy.copy(rows[len(rows) // 2])
    twin.id += "-2"
    rows.insert(len(rows) // 2, twin)


def swap_two_alerts_of_one_customer(data):
    rows = data.results["alerts"]
    last = {}
    for i, row in enumerate(rows):
        if row.customer in last:
            rows[last[row.customer]], rows[i] = row, rows[last[row.customer]]
            return
        last[row.customer] = i


def lose_features_of_one_customer(data):
    gone = data.results["features"][0].customer
    data.results["features"] = [row for row in data.results["features"] if row.customer != gone]


def change_a_count_in_features(data):
    row = next(row for row in reversed(data.results["features"]) if row.value.get("kinds"))
    row.value = copy.deepcopy(row.value)
    row.value["kinds"][0]["total"] = str(int(row.value["kinds"][0]["total"]) + 1)


def tear_an_epoch_its_record_is_missing(data):
    epochs = next(epochs for epochs in data.epochs.values() if len(epochs) > 4)
    del epochs[len(epochs) // 2]


def tear_an_epoch_its_results_are_missing(data):
    p, epochs = next((p, epochs) for p, epochs in data.epochs.items() if sum(e.outputs > 0 for e in epochs) > 2)
    i = next(i for i, epoch in enumerate(epochs) if i > 0 and epoch.outputs > 0)
    for sink, rows in data.results.items():
        data.results[sink] = [row for row in rows if row.partition != p or not
                              epochs[i - 1].timestamp_ms < row.timestamp_ms <= epochs[i].timestamp_ms]


def tear_an_epoch_its_offsets_are_missing(data):
    p = next(p for p, epochs in data.epochs.items() if epochs)
    data.committed["browses", p] -= 1


def drop_one_dead_letter(data):
    del data.dead[0]


def read_a_record_twice(data):
    epoch = next(epoch for epochs in data.epochs.values() for epoch in epochs if epoch.rounds and epoch.epoch > 1
                 and epoch.slices[0].start > 0)
    epoch.slices[0].start -= 1


# Each with the kinds of violation of which at least one must be reported.
MUTANTS = [
    (drop_one_alert, {"lost"}),
    (double_one_alert, {"doubled"}),
    (double_one_trigger_under_another_id, {"doubled"}),
    (swap_two_alerts_of_one_customer, {"order"}),
    (lose_features_of_one_customer, {"features"}),
    (change_a_count_in_features, {"features"}),
    (tear_an_epoch_its_record_is_missing, {"schedule"}),
    (tear_an_epoch_its_results_are_missing, {"torn"}),
    (tear_an_epoch_its_offsets_are_missing, {"torn"}),
    (drop_one_dead_letter, {"lost"}),
    (read_a_record_twice, {"schedule"}),
]
