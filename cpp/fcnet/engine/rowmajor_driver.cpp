// SPDX-License-Identifier: MIT
#include "fcnet/engine/rowmajor_driver.hpp"

#include <algorithm>

#include "fcnet/base/buffer.hpp"
#include "fcnet/engine/plan.hpp"
#include "fcnet/model/data.hpp"
#include "fcnet/runtime/threads.hpp"

namespace fcnet {
namespace {

Size threads_for(double flops, Size parts) {
  return static_cast<Size>(useful_threads(flops, std::min(static_cast<Size>(num_threads()), parts)));
}

// f(panel of logits, first row, rows) on every 32 rows of h, as a panel.
template <class T, class F>
Status for_panels(const T* h, Size n, Size m, F f) {
  const Size panels = groups(n, lanes),
             threads = threads_for(20.0 * static_cast<double>(n) * static_cast<double>(m), panels);
  const RowSource<T> rows = plain_rows(h, m);
  Buffer<T> scratch;
  if (const Status s = scratch.allocate(Checked(m) * lanes * threads); s != Status::ok) return s;
  const auto body = [&](const Team& team) {
    const Size id = static_cast<Size>(team.id), size = static_cast<Size>(team.size);
    T* const panel = scratch.data() + id * m * lanes;
    for (Size p = part_begin(panels, size, id); p < part_begin(panels, size, id + 1); ++p) {
      const Size used = used_lanes(n, p);
      kernels<T>().gather(rows, p * lanes, used, panel);
      f(panel, p * lanes, used);
    }
  };
  run_team(static_cast<int>(threads), body);
  return Status::ok;
}

}  // namespace

template <class T>
Status multiply(const RowMajorProduct<T>& product) {
  const Size panels = groups(product.columns, lanes);
  const double flops = 2.0 * static_cast<double>(product.rows) * static_cast<double>(product.columns) *
                       static_cast<double>(product.depth);
  const bool by_panels = panels >= static_cast<Size>(num_threads());
  const Size parts = by_panels ? panels : product.rows;
  const Size threads = threads_for(flops, parts);
  Buffer<T> scratch;
  const Checked room = (Checked(product.depth) + product_rows) * lanes;
  if (const Status s = scratch.allocate(room * threads); s != Status::ok) return s;
  const auto body = [&](const Team& team) {
    const Size id = static_cast<Size>(team.id), size = static_cast<Size>(team.size);
    const Size begin = part_begin(parts, size, id), end = part_begin(parts, size, id + 1);
    const Part part = by_panels ? Part{0, product.rows, begin, end} : Part{begin, end, 0, panels};
    kernels<T>().product(product, part, scratch.data() + id * room.value());
  };
  run_team(static_cast<int>(threads), body);
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
    T sample_loss[lanes];
    const LossTask<T> task{Loss::cross_entropy, Activation::softmax, 0, labels + first, nullptr, nullptr};
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
