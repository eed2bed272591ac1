// SPDX-License-Identifier: MIT
#include "fcnet/engine/rowmajor_driver.hpp"

#include <algorithm>

#include "fcnet/base/blocking.hpp"
#include "fcnet/base/buffer.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/model/data.hpp"
#include "fcnet/runtime/parallel.hpp"

namespace fcnet {
namespace {

Size threads_for(double flops, Size shares) {
  return static_cast<Size>(useful_threads(flops, std::min(static_cast<Size>(num_threads()), shares)));
}

// f(panel of logits, first row, rows) on every 32 rows of h, as a panel.
template <class T, class F>
Status for_panels(const T* h, Size n, Size m, F f) {
  const double flops = 20.0 * static_cast<double>(n) * static_cast<double>(m);  // or what takes as long
  const Size panels = ceil_div(n, panel_width), threads = threads_for(flops, panels);
  const RowSource<T> rows = plain_rows(h, m);
  Buffer<T> scratch;
  if (const Status s = scratch.allocate(CheckedSize(m) * panel_width * threads); s != Status::ok) return s;
  std::atomic<Size> next{0};
  const auto body = [&](const Team& team) {
    T* const panel = scratch.data() + static_cast<Size>(team.id) * m * panel_width;
    for (Size p; (p = next.fetch_add(1, std::memory_order_relaxed)) < panels;) {
      const Size used = used_width(n, p);
      kernels<T>().gather(rows, p * panel_width, used, panel);
      f(panel, p * panel_width, used);
    }
  };
  run_helpers(static_cast<int>(threads), body, nanoseconds(flops));
  return Status::ok;
}

}  // namespace

template <class T>
Status multiply(const RowMajorProduct<T>& product) {
  const Size panels = ceil_div(product.columns, panel_width);
  const double flops = 2.0 * static_cast<double>(product.rows) * static_cast<double>(product.columns) *
                       static_cast<double>(product.depth);
  const bool by_panels = panels >= static_cast<Size>(num_threads());
  const Size shares = by_panels ? panels : product.rows;
  const Size threads = threads_for(flops, shares);
  Buffer<T> scratch;
  const CheckedSize room = (CheckedSize(product.depth) + blocking.product_rows) * panel_width;
  if (const Status s = scratch.allocate(room * threads); s != Status::ok) return s;
  Claims claims(threads);
  const auto body = [&](const Team& team) {
    claims.each(team, [&](Size piece) {
      const Size begin = split_begin(shares, threads, piece), end = split_begin(shares, threads, piece + 1);
      const Block block = by_panels ? Block{0, product.rows, begin, end} : Block{begin, end, 0, panels};
      kernels<T>().product(product, block, scratch.data() + static_cast<Size>(team.id) * room.value());
    });
  };
  run_helpers(static_cast<int>(threads), body, nanoseconds(flops));
  return Status::ok;
}

template <class T>
Status softmax_rows(const T* h, Size n, Size m, T* p) {
  return for_panels(h, n, m, [&](T* panel, Size first, Size rows) {
    kernels<T>().softmax(panel, m, rows);
    kernels<T>().scatter(panel, m, rows, p + first * m);
  });
}

template <class T>
Status cross_entropy_rows(const T* h, const std::int32_t* labels, Size n, Size m, T* loss, T* sigma) {
  return for_panels(h, n, m, [&](T* panel, Size first, Size rows) {
    T sample_loss[panel_width];
    const LossTask<T> task{.loss = Loss::cross_entropy, .output = Activation::softmax, .labels = labels + first};
    kernels<T>().loss(task, panel, m, rows, panel, sample_loss);
    std::copy_n(sample_loss, rows, loss + first);
    kernels<T>().scatter(panel, m, rows, sigma + first * m);
  });
}

template Status multiply(const RowMajorProduct<float>&);
template Status multiply(const RowMajorProduct<double>&);
template Status softmax_rows(const float*, Size, Size, float*);
template Status softmax_rows(const double*, Size, Size, double*);
template Status cross_entropy_rows(const float*, const std::int32_t*, Size, Size, float*, float*);
template Status cross_entropy_rows(const double*, const std::int32_t*, Size, Size, double*, double*);

}  // namespace fcnet
