#include "tests/simulation/profile.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "tests/simulation/chance.h"

namespace ebb::simulation {
namespace {

// A world in which everything happens now and then.
Profile Mixed(Chance& chance) {
  Profile p;
  p.theme = "mixed";
  p.steps = static_cast<int>(chance.Between(400, 1600));
  p.processes = static_cast<int>(chance.Between(1, 3));
  p.workers = chance.PerMille(300) ? 2 : 1;
  p.partitions = static_cast<int32_t>(chance.Between(1, 4));
  p.customers = static_cast<int>(chance.Between(2, 16));
  const char* const policies[] = {"process", "dead_letter", "drop"};
  p.late_a = policies[chance.Below(3)];
  p.late_b = policies[chance.Below(3)];
  p.lateness_ms = chance.Between(0, 3) * 400;
  p.idle_wall_clock = chance.PerMille(500);
  p.epoch_records = static_cast<uint64_t>(chance.Between(1, 25));
  p.commit_interval_ms = chance.Between(1, 40);
  p.commit_delay_ms = chance.Between(0, 8);
  const int64_t budgets[] = {0, 5, 40, 400, 1'000'000};
  p.budget_records = budgets[chance.Below(5)];
  p.cache_bytes = chance.PerMille(300) ? 4000 : 1 << 20;
  p.tick_ms = chance.Between(1, 8);
  p.leap = chance.Between(0, 4);
  p.long_leap = chance.PerMille(200) ? 500 : 0;
  p.input = chance.Between(50, 500);
  p.timers = chance.Between(50, 500);
  p.clearing = chance.Between(0, 200);
  p.refused = p.request_lost = p.reply_lost = chance.Between(0, 3000);
  p.refused_begin = p.refused_question = chance.Between(0, 400);
  p.waits = chance.Between(0, 200'000);
  p.later = chance.PerMille(400) ? chance.Between(0, 200'000) : 0;
  p.marker_waits = chance.Between(0, 400'000);
  p.silent = chance.Between(0, 4);
  p.crash = chance.Between(0, 3000);
  p.stop = p.freeze = p.expire = chance.Between(0, 1500);
  p.time_out = chance.Between(0, 500);
  p.disk_fault = chance.Between(0, 300);
  p.lost = chance.Between(0, 200);
  p.stale = p.torn = chance.Between(0, 300);
  p.foreign = chance.Between(0, 80);
  p.compact = chance.Between(0, 6000);
  p.trim = chance.Between(0, 6000);
  p.publish = chance.PerMille(500) ? chance.Between(0, 10'000) : 0;
  return p;
}

struct Theme {
  const char* name;
  int64_t weight;
  std::function<void(Profile&, Chance&)> shape;
};

const std::vector<Theme>& Themes() {
  static const std::vector<Theme> themes = {
      {"mixed", 400, [](Profile&, Chance&) {}},
      {"calm", 30,
       [](Profile& p, Chance&) {
         p.refused = p.request_lost = p.reply_lost = p.refused_begin = p.refused_question = 0;
         p.crash = p.freeze = p.expire = p.time_out = p.disk_fault = 0;
         p.stop = 2000;
       }},
      // More epochs than the ring has places, and so much debt allowed that only the ring forces write-back.
      {"ring", 4,
       [](Profile& p, Chance& chance) {
         p.steps = 16'000;
         p.processes = p.workers = p.partitions = 1;
         p.epoch_records = 1;
         p.commit_interval_ms = 1;
         p.budget_records = 1'000'000;
         p.cache_bytes = p.pinned_bytes = 8 << 20;
         p.idle_wall_clock = false;
         p.input = 400;
         p.tick_ms = 1;
         p.timers = 30;
         p.silent = 0;
         p.trim = p.leap = p.long_leap = 0;
         p.refused = p.request_lost = p.reply_lost = 50;
         p.refused_begin = p.refused_question = 5;
         p.waits = p.marker_waits = 1000;
         p.crash = chance.Between(0, 200);
         p.stop = p.freeze = p.expire = p.time_out = p.disk_fault = 0;
         p.compact = 500;
       }},
      // Long epochs of single records that come one by one: many rounds.
      {"drip", 6,
       [](Profile& p, Chance&) {
         p.steps = 5000;
         p.processes = p.workers = p.partitions = 1;
         p.epoch_records = 10'000;
         p.commit_interval_ms = p.commit_delay_ms = 9000;
         p.cache_bytes = p.pinned_bytes = p.outbox_bytes = 64 << 20;
         p.tick_ms = 1;
         p.leap = p.long_leap = 0;
         p.max_wait_ms = 1;
         p.input = 600;
         p.waits = 0;
         p.refused = p.request_lost = p.reply_lost = p.refused_begin = p.refused_question = 20;
         p.crash = p.stop = p.freeze = p.expire = p.time_out = p.disk_fault = 20;
         p.silent = 0;
       }},
      {"zombies", 80,
       [](Profile& p, Chance&) {
         p.processes = 3;
         p.freeze = 6000;
         p.expire = 2000;
         p.trim = 30'000;
       }},
      {"disks", 80,
       [](Profile& p, Chance&) {
         p.crash = 5000;
         p.lost = p.stale = p.torn = 250;
         p.foreign = 100;
         p.disk_fault = 1500;
         p.budget_records = std::max<int64_t>(p.budget_records, 40);
       }},
      {"tight", 60,
       [](Profile& p, Chance& chance) {
         p.cache_bytes = 1000;
         p.pinned_bytes = static_cast<uint64_t>(chance.Between(500, 8000));
         p.outbox_bytes = static_cast<uint64_t>(chance.Between(200, 3000));
         p.buffer_bytes = 400;
         p.epoch_records = 50;
         p.commit_interval_ms = 100;
         p.ballast = chance.Between(0, 500);
       }},
      {"timers", 80,
       [](Profile& p, Chance& chance) {
         p.timers = 800;
         p.leap = 10;
         p.outbox_bytes = chance.PerMille(500) ? 600 : 1 << 20;
       }},
      {"unknown", 60,
       [](Profile& p, Chance&) {
         p.request_lost = p.reply_lost = 30'000;
         p.marker_waits = 500'000;
         p.time_out = 2000;
       }},
      // Transactions that take long, and others who take over meanwhile.
      {"in flight", 80,
       [](Profile& p, Chance&) {
         p.processes = 2;
         p.later = 400'000;
         p.waits = 300'000;
         p.marker_waits = 900'000;
         p.expire = 20'000;
         p.freeze = 5000;
         p.crash = 500;
         p.refused = p.request_lost = p.reply_lost = 200;
         p.commit_interval_ms = 2;
       }},
      {"rebalance", 60,
       [](Profile& p, Chance&) {
         p.processes = 3;
         p.partitions = 4;
         p.stop = p.expire = 6000;
         p.crash = 2000;
       }},
      // Deletions, and stores and tombstones that are too old.
      {"deletion", 60,
       [](Profile& p, Chance&) {
         p.clearing = 400;
         p.customers = 5;
         p.max_store_age_ms = 4000;
         p.leap = 12;
         p.compact = 20'000;
         p.stale = 500;
         p.crash = 3000;
       }},
      {"retention", 40,
       [](Profile& p, Chance&) {
         p.trim = 20'000;
         p.leap = 30;
         p.budget_records = 1'000'000;
         p.commit_delay_ms = 8;
         p.input = 300;
       }},
      {"compacted source", 40,
       [](Profile& p, Chance& chance) {
         p.compaction_lag_ms = chance.Between(1, 400);
         p.budget_records = 1'000'000;
         p.trim = 20'000;
       }},
      // Editions one upon the other, and what cannot be taken in.
      {"control", 80,
       [](Profile& p, Chance& chance) {
         p.publish = chance.Between(5000, 60'000);
         p.budget_records = std::max<int64_t>(p.budget_records, 40);
         p.idle_wall_clock = chance.PerMille(700);
         p.crash = std::max<int64_t>(p.crash, 2000);
       }},
      {"bounded", 40,
       [](Profile& p, Chance& chance) {
         p.until = true;
         p.emit_from = chance.PerMille(500);
         p.idle_wall_clock = false;
       }},
  };
  return themes;
}

}  // namespace

Profile ProfileOf(uint64_t seed) {
  Chance chance(seed * 2 + 1);
  Profile profile = Mixed(chance);
  int64_t weights = 0;
  for (const Theme& theme : Themes()) weights += theme.weight;
  int64_t pick = chance.Below(weights);
  for (const Theme& theme : Themes()) {
    if ((pick -= theme.weight) >= 0) continue;
    profile.theme = theme.name;
    theme.shape(profile, chance);
    break;
  }
  return profile;
}

}  // namespace ebb::simulation
